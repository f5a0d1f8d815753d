/* SPDX-License-Identifier: MIT */
/*
 * Start an uncompressed 64-bit Linux kernel in Bochs: an option ROM that is the whole boot loader.
 *
 * The first disk holds the kernel as laid out in memory, the second the initramfs. Reading them takes a few
 * instructions per sector, and no emulated time is spent on unpacking. The kernel is then entered according to
 * Documentation/x86/boot.rst, "64-bit boot protocol"; the BIOS has run and left its tables.
 * lab/run defines KERNEL_SECTORS, KERNEL_ENTRY, RAMDISK_SECTORS, RAMDISK_BYTES and MEMORY_BYTES; -I finds
 * "cmdline".
 */
	.set	KERNEL, 0x1000000	/* where vmlinux is linked to run */
	.set	RAMDISK, 0x8000000
	.set	PML4, 0x10000
	.set	PDPT, 0x11000
	.set	STACK, 0x13000
	.set	BOOTED, 0x13000		/* not zero once this ROM has run */

	.set	BOOT_CS, 0x10
	.set	BOOT_DS, 0x18
	.set	BOOT_CS64, 0x20
	.set	CR0_PE, 1
	.set	CR0_PG, 1 << 31
	.set	CR4_PAE, 1 << 5
	.set	MSR_EFER, 0xc0000080
	.set	EFER_LME, 1 << 8
	.set	PRESENT_RW, 3
	.set	SIZE_1GIB, 1 << 7

	.set	ATA, 0x1f0
	.set	ATA_READ_SECTORS, 0x20
	.set	ATA_MASTER_LBA, 0xe0
	.set	ATA_SLAVE_LBA, 0xf0
	.set	ATA_BSY_DRQ, 0x88
	.set	ATA_DRQ, 0x08
	.set	BOCHS_SHUTDOWN, 0x8900

	.text
	.code16
rom:	.word	0xaa55
	.byte	(rom_end - rom) / 512
	cli
	inb	$0x92, %al		/* A20 */
	orb	$2, %al
	outb	%al, $0x92
	lgdtl	%cs:gdt_ptr - rom
	movl	$CR0_PE, %eax
	movl	%eax, %cr0
	ljmpl	$BOOT_CS, $entry32

	.code32
entry32:
	movl	$BOOT_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$STACK, %esp
	cld
	/* Boot only once: a machine that resets itself is switched off. */
	movl	$1, %eax
	xchgl	%eax, BOOTED
	testl	%eax, %eax
	jnz	shutdown

	movl	$ATA_MASTER_LBA, %ebp
	movl	$KERNEL_SECTORS, %ebx
	movl	$KERNEL, %edi
	call	read_disk
	movl	$ATA_SLAVE_LBA, %ebp
	movl	$RAMDISK_SECTORS, %ebx
	movl	$RAMDISK, %edi
	call	read_disk

	movl	$PDPT + PRESENT_RW, PML4
	xorl	%ecx, %ecx		/* the low 4 GiB, one to one */
1:	movl	%ecx, %eax
	shll	$30, %eax
	orl	$SIZE_1GIB + PRESENT_RW, %eax
	movl	%eax, PDPT(, %ecx, 8)
	incl	%ecx
	cmpl	$4, %ecx
	jb	1b

	movl	$PML4, %eax
	movl	%eax, %cr3
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$MSR_EFER, %ecx
	movl	$EFER_LME, %eax
	xorl	%edx, %edx
	wrmsr
	movl	$(CR0_PG | CR0_PE), %eax
	movl	%eax, %cr0
	ljmp	$BOOT_CS64, $entry64

/* Read %ebx sectors of the drive %ebp (device register, LBA) from its start to %edi, one at a time. */
read_disk:
	xorl	%esi, %esi		/* LBA */
1:	movl	$ATA + 2, %edx
	movb	$1, %al
	outb	%al, %dx		/* sector count */
	movl	%esi, %eax
	incl	%edx
	outb	%al, %dx		/* LBA 0:7 */
	shrl	$8, %eax
	incl	%edx
	outb	%al, %dx		/* LBA 8:15 */
	shrl	$8, %eax
	incl	%edx
	outb	%al, %dx		/* LBA 16:23 */
	movl	%ebp, %eax
	incl	%edx
	outb	%al, %dx
	movb	$ATA_READ_SECTORS, %al
	incl	%edx
	outb	%al, %dx
2:	inb	%dx, %al
	andb	$ATA_BSY_DRQ, %al
	cmpb	$ATA_DRQ, %al
	jne	2b
	movl	$ATA, %edx
	movl	$128, %ecx
	rep insl
	incl	%esi
	cmpl	%ebx, %esi
	jb	1b
	ret

shutdown:
	movl	$shutdown_word, %esi
	movl	$8, %ecx
	movl	$BOCHS_SHUTDOWN, %edx
	rep outsb
	hlt

	.code64
entry64:
	movl	$boot_params, %esi
	movl	$KERNEL_ENTRY, %eax
	jmp	*%rax

shutdown_word:
	.ascii	"Shutdown"
	.balign	8
gdt:	.quad	0, 0
	.quad	0x00cf9a000000ffff	/* BOOT_CS */
	.quad	0x00cf92000000ffff	/* BOOT_DS */
	.quad	0x00af9a000000ffff	/* BOOT_CS64 */
gdt_ptr:
	.word	gdt_ptr - gdt - 1
	.long	gdt

	.macro	e820 start, end, type
	.quad	\start, (\end) - (\start)
	.long	\type
	.endm

	.balign	16
boot_params:
	.org	boot_params + 0x1e8
	.byte	(e820_end - e820_table) / 20
	.org	boot_params + 0x1fe
	.word	0xaa55
	.org	boot_params + 0x202
	.ascii	"HdrS"
	.word	0x020f			/* boot protocol 2.15 */
	.org	boot_params + 0x210
	.byte	0xff			/* a loader without a number */
	.org	boot_params + 0x218
	.long	RAMDISK, RAMDISK_BYTES
	.org	boot_params + 0x228
	.long	cmdline
	.org	boot_params + 0x2d0
e820_table:
	e820	0, 0x9f000, 1
	e820	0x9f000, 0x100000, 2
	e820	0x100000, MEMORY_BYTES-0x100000, 1
	e820	MEMORY_BYTES-0x100000, MEMORY_BYTES, 2	/* the BIOS's tables */
e820_end:
	.org	boot_params + 4096
cmdline:
	.incbin	"cmdline"
	.byte	0, 0			/* with the second one, lab/run makes the sum of all bytes 0 */
	.balign	512, 0
rom_end:
