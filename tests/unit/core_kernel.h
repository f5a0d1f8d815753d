/* SPDX-License-Identifier: MIT */
/*
 * What kvm/core uses of a kernel, in user space: core.sh replaces every header that it includes by
 * #include "core_kernel.h".  The TSC is the test's, and the static keys record when they change.
 */
#ifndef CORE_KERNEL_H
#define CORE_KERNEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef unsigned int gfp_t;

#ifdef __x86_64__
#define CONFIG_X86_64	1
#endif
#define GFP_KERNEL	0
#define GFP_KERNEL_ACCOUNT	0
#define __GFP_ZERO	0
#define U32_MAX		0xffffffffu
#define U16_MAX		0xffffu
#define S64_MAX		INT64_MAX
#define EINVAL		22
#define ENOMEM		12
#define EINTR		4
#define BITS_PER_LONG	(8 * (int)sizeof(long))
#define BIT(n)		(1ul << (n))
#define BIT_ULL(n)	(1ull << (n))
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof(*(a)))
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#undef __always_inline
#define __always_inline	inline __attribute__((always_inline))
#define __cold		__attribute__((cold))
#define ____cacheline_aligned	__attribute__((aligned(64)))
#define fallthrough	__attribute__((fallthrough))
#define static_assert(holds)	extern char core_asserts[(holds) ? 1 : -1]
#define OPTIMIZER_HIDE_VAR(v)	asm("" : "+r"(v))
#define READ_ONCE(x)	(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile typeof(x) *)&(x) = (v))
/* As the kernel's. */
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)	/* likewise */
#define lower_32_bits(n)	((u32)(n))
#define upper_32_bits(n)	((u32)((u64)(n) >> 32))
#define array_index_nospec(i, size)	((i) < (size) ? (i) : 0)
extern bool core_is_svm;
#define boot_cpu_has(feature)	core_is_svm
#define X86_FEATURE_SVM	0
#define lockdep_assert_held(lock)	((void)(lock))
#define lockdep_assert_preemption_disabled()	((void)0)
#define preempt_disable()	((void)0)
#define preempt_enable()	((void)0)
#define MODULE_PARM_DESC(name, text)	static_assert(true)
#define module_param(name, type, mode)	typeof(name) *core_param_##name = &(name)
#define module_param_cb(name, ops, arg, mode) \
	const struct kernel_param_ops *core_param_##name = (ops)
#define KVM_STATS_NAME_SIZE	48

static inline u32 ror32(u32 n, unsigned int by)
{
	return n >> by | n << (32 - by);
}

static inline int fls64(u64 n)
{
	return n ? 64 - __builtin_clzll(n) : 0;
}

static inline unsigned long __fls(unsigned long n)
{
	return BITS_PER_LONG - 1 - __builtin_clzl(n);
}

/* The TSC: rdtsc() is the test's. */
u64 rdtsc(void);
extern unsigned int tsc_khz;
#define check_tsc_unstable()	false

/* Static keys */
struct static_key {
	bool on;
	const char *name;
};

void core_key_changes(struct static_key *key, bool on);
#define DEFINE_STATIC_KEY_TRUE(key)	struct static_key key = { true, #key }
#define DEFINE_STATIC_KEY_FALSE(key)	struct static_key key = { false, #key }
#define DECLARE_STATIC_KEY_TRUE(key)	extern struct static_key key
#define DECLARE_STATIC_KEY_FALSE(key)	extern struct static_key key
#define static_branch_likely(key)	((key)->on)
#define static_branch_unlikely(key)	((key)->on)
#define static_branch_enable(key)	core_key_changes(key, true)
#define static_branch_disable(key)	core_key_changes(key, false)

/* Sequence counters, on x86: stores and loads stay in order. */
typedef struct {
	unsigned int sequence;
} seqcount_t;

#define barrier()	asm volatile("" : : : "memory")
#define seqcount_init(s)	((s)->sequence = 0)

static __always_inline void raw_write_seqcount_begin(seqcount_t *s)
{
	WRITE_ONCE(s->sequence, s->sequence + 1);
	barrier();
}

static __always_inline void raw_write_seqcount_end(seqcount_t *s)
{
	barrier();
	WRITE_ONCE(s->sequence, s->sequence + 1);
}

static inline unsigned int read_seqcount_begin(const seqcount_t *s)
{
	unsigned int sequence;

	while ((sequence = READ_ONCE(s->sequence)) & 1)
		;
	barrier();
	return sequence;
}

static inline bool read_seqcount_retry(const seqcount_t *s, unsigned int sequence)
{
	barrier();
	return READ_ONCE(s->sequence) != sequence;
}

/* Lists, mutexes, parameters */
struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD(name)	struct list_head name = { &(name), &(name) }
#define container_of(p, type, member)	((type *)((char *)(p) - offsetof(type, member)))
#define list_for_each_entry(p, head, member) \
	for (p = container_of((head)->next, typeof(*p), member); &p->member != (head); \
	     p = container_of(p->member.next, typeof(*p), member))

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_add(struct list_head *node, struct list_head *head)
{
	node->next = head->next;
	node->prev = head;
	head->next->prev = node;
	head->next = node;
}

static inline void list_del(struct list_head *node)
{
	node->next->prev = node->prev;
	node->prev->next = node->next;
}

struct mutex {
	int unused;
};

#define DEFINE_MUTEX(name)	struct mutex name
#define mutex_lock(m)	((void)(m))
#define mutex_unlock(m)	((void)(m))

struct kernel_param {
	void *arg;
};

struct kernel_param_ops {
	int (*set)(const char *val, const struct kernel_param *kp);
	int (*get)(char *buffer, const struct kernel_param *kp);
};

int kstrtouint(const char *text, unsigned int base, unsigned int *value);
int param_get_uint(char *buffer, const struct kernel_param *kp);

/* What else is called */
void cond_resched(void);
u64 get_random_u64(void);
void *kvcalloc(size_t n, size_t size, gfp_t gfp);
void *kvzalloc(size_t size, gfp_t gfp);
void kvfree(const void *p);
void *alloc_pages_exact(size_t size, gfp_t gfp);
void free_pages_exact(void *p, size_t size);
int snprintf(char *to, size_t size, const char *format, ...);
char *strreplace(char *text, char old, char new);

struct dentry;

struct seq_file {
	void *private;
};

void seq_printf(struct seq_file *m, const char *format, ...);
void seq_puts(struct seq_file *m, const char *text);
void seq_putc(struct seq_file *m, char c);
#define DEFINE_SHOW_ATTRIBUTE(name)	const void *const name##_fops = name##_show
#define debugfs_create_file(name, mode, parent, data, fops) \
	((void)(data), (void)*(fops), (void)(parent))

/* What an exit says of itself */
#define __VCPU_REGS_RAX	0
#define __VCPU_REGS_RCX	1

struct vmcb_control_area {
	u32 exit_code;
	u64 exit_info_1, exit_info_2;
};

#define EXIT_QUALIFICATION	0x6400
#define GUEST_PHYSICAL_ADDRESS	0x2400
#define VM_EXIT_INTR_INFO	0x4404

struct kvm_cpuid_entry2 {
	u32 function, index, flags, eax, ebx, ecx, edx;
};

#endif /* CORE_KERNEL_H */
