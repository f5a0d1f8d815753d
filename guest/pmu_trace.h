/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracepoint of a sampled exit.  The hypervisor samples only while it
 * is in use.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM exitstat

#if !defined(EXITSTAT_PMU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define EXITSTAT_PMU_TRACE_H

#include <linux/tracepoint.h>

#include "pmu.h"

int pmu_samples_begin(void);
void pmu_samples_end(void);

/*
 * weight: the exits that the sample stands for.  time_ns: how long the hypervisor processed them,
 * or -1.  rip: where the NMI came.  detail: what the last one was about, or EXITSTAT_DETAIL_REST.
 */
TRACE_EVENT_FN(exit,
	       TP_PROTO(u32 number, const char *name, u64 rip, u64 detail, s64 time_ns,
			u32 weight),
	       TP_ARGS(number, name, rip, detail, time_ns, weight),
	       TP_STRUCT__entry(__field(u32, number)
				__field(u32, weight)
				__field(u64, rip)
				__field(u64, detail)
				__field(s64, time_ns)
				__array(char, name, PMU_NAME_SIZE)),
	       TP_fast_assign(__entry->number = number;
			      __entry->weight = weight;
			      __entry->rip = rip;
			      __entry->detail = detail;
			      __entry->time_ns = time_ns;
			      memcpy(__entry->name, name, PMU_NAME_SIZE);),
	       TP_printk("number=0x%x name=%s rip=0x%llx detail=0x%llx time_ns=%lld weight=%u",
			 __entry->number, __entry->name, __entry->rip, __entry->detail,
			 __entry->time_ns, __entry->weight),
	       pmu_samples_begin, pmu_samples_end
);

#endif /* EXITSTAT_PMU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE pmu_trace
#include <trace/define_trace.h>
