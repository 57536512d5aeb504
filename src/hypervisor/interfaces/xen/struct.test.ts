import { describe, expect, it } from 'vitest';
import { readdirSync } from 'node:fs';
import { type Fields, StructType } from './struct.ts';

/**
 * Fields with their offsets, and the size, of every structure that an operation reads or a guest shares: what gcc makes of the public headers of Xen 4.17
 * (callback.h, event_channel.h, grant_table.h, hvm/hvm_op.h, memory.h, nmi.h, physdev.h, sched.h, vcpu.h, version.h, xen.h) with -m32; behind a bar with -m64,
 * where that differs.
 */
const LAYOUTS: Record<string, Record<string, string>> = {
  'events/events.ts': {
    BindInterdomain: 'remote_dom@0 remote_port@4 local_port@8; 12',
    BindVirq: 'virq@0 vcpu@4 port@8; 12',
    Close: 'port@0; 4',
    Send: 'port@0; 4',
    Status: 'dom@0 port@4 status@8 vcpu@12 u_dom@16 u_port@20 u_irq@16; 24',
    AllocUnbound: 'dom@0 remote_dom@2 port@4; 8',
    BindIpi: 'vcpu@0 port@4; 8',
    BindVcpu: 'port@0 vcpu@4; 8',
    Unmask: 'port@0; 4',
    Reset: 'dom@0; 2',
    InitControl: 'control_gfn@0 offset@8 vcpu@12 link_bits@16 _pad@17; 24',
    ExpandArray: 'array_gfn@0; 8',
    SetPriority: 'port@0 priority@4; 8',
  },
  'grants/grant-op.ts': {
    MapGrantRef: 'host_addr@0 flags@8 ref@12 dom@16 status@18 handle@20 dev_bus_addr@24; 32',
    UnmapGrantRef: 'host_addr@0 dev_bus_addr@8 handle@16 status@20; 24',
    SetupTable: 'dom@0 nr_frames@4 status@8 frame_list@12; 16 | dom@0 nr_frames@4 status@8 frame_list@16; 24',
    Transfer: 'mfn@0 domid@4 ref@8 status@12; 16 | mfn@0 domid@8 ref@12 status@16; 24',
    CopyEnd: 'ref@0 gmfn@0 domid@4 offset@6; 8 | ref@0 gmfn@0 domid@8 offset@10; 16',
    Copy: 'source@0 dest@8 len@16 flags@18 status@20; 24 | source@0 dest@16 len@32 flags@34 status@36; 40',
    QuerySize: 'dom@0 nr_frames@4 max_nr_frames@8 status@12; 16',
    UnmapAndReplace: 'host_addr@0 new_addr@8 handle@16 status@20; 24',
    SetVersion: 'version@0; 4',
    GetStatusFrames: 'nr_frames@0 dom@4 status@6 frame_list@8; 12 | nr_frames@0 dom@4 status@6 frame_list@8; 16',
    GetVersion: 'dom@0 pad@2 version@4; 8',
    SwapGrantRef: 'ref_a@0 ref_b@4 status@8; 12',
    CacheFlush: 'dev_bus_addr@0 offset@8 length@10 op@12; 16',
  },
  'hvm/hvm-op.ts': {
    Param: 'domid@0 pad@2 index@4 value@8; 16',
    SetEvtchnUpcallVector: 'vcpu@0 vector@4; 8',
    GetTime: 'now@0; 8',
    PagetableDying: 'domid@0 pad@2 gpa@8; 16',
    Xentrace: 'event@0 extra_bytes@2 extra@4; 32',
    GetMemType: 'domid@0 mem_type@2 pad@4 pfn@8; 16',
  },
  'hypercalls.ts': {
    MulticallEntry: 'op@0 result@4 args@8; 32 | op@0 result@8 args@16; 64',
  },
  'memory/memory-op.ts': {
    MemoryExchange: 'in@0 out@20 nr_exchanged@40; 44 | in@0 out@32 nr_exchanged@64; 72',
    DomainId: 'domid@0; 2',
    MachphysMfnList: 'max_extents@0 extent_start@4 nr_extents@8; 12 | max_extents@0 extent_start@8 nr_extents@16; 24',
    MachphysMapping: 'v_start@0 v_end@4 max_mfn@8; 12 | v_start@0 v_end@8 max_mfn@16; 24',
    AddToPhysmap: 'domid@0 size@2 space@4 idx@8 gpfn@12; 16 | domid@0 size@2 space@4 idx@8 gpfn@16; 24',
    AddToPhysmapBatch:
      'domid@0 space@2 size@4 foreign_domid@6 idxs@8 gpfns@12 errs@16; 20 | domid@0 space@2 size@4 foreign_domid@6 idxs@8 gpfns@16 errs@24; 32',
    RemoveFromPhysmap: 'domid@0 gpfn@4; 8 | domid@0 gpfn@8; 16',
    MemoryMap: 'nr_entries@0 buffer@4; 8 | nr_entries@0 buffer@8; 16',
    E820Entry: 'addr@0 size@8 type@16; 20',
  },
  'memory/reservation.ts': {
    MemoryReservation:
      'extent_start@0 nr_extents@4 extent_order@8 mem_flags@12 domid@16; 20 | extent_start@0 nr_extents@8 extent_order@16 mem_flags@20 domid@24; 32',
  },
  'misc-ops.ts': {
    SetIopl: 'iopl@0; 4',
    SetIobitmap: 'bitmap@0 nr_ports@4; 8 | bitmap@0 nr_ports@8; 16',
  },
  'pv/mmu.ts': {
    MmuUpdate: 'ptr@0 val@8; 16',
    MmuextOp: 'cmd@0 arg1@4 arg2@8; 12 | cmd@0 arg1@8 arg2@16; 24',
  },
  'pv/traps.ts': {
    TrapInfo: 'vector@0 flags@1 cs@2 address@4; 8 | vector@0 flags@1 cs@2 address@8; 16',
    XennmiCallback: 'handler_address@0 pad@4; 8 | handler_address@0 pad@8; 16',
    CallbackRegister: 'type@0 flags@2 cs@4 eip@8; 12 | type@0 flags@2 cs@4 eip@8; 16',
    CallbackUnregister: 'type@0 _unused@2; 4',
  },
  'sched-op.ts': {
    Shutdown: 'reason@0; 4',
    Poll: 'ports@0 nr_ports@4 timeout@8; 16 | ports@0 nr_ports@8 timeout@16; 24',
    RemoteShutdown: 'domain_id@0 reason@4; 8',
    Watchdog: 'id@0 timeout@4; 8',
  },
  'shared.ts': {
    VcpuTimeInfo:
      'version@0 pad0@4 tsc_timestamp@8 system_time@16 tsc_to_system_mul@24 tsc_shift@28 flags@29 pad1@30; 32',
    VcpuInfo:
      'evtchn_upcall_pending@0 evtchn_upcall_mask@1 evtchn_pending_sel@4 cr2@8 pad@12 time@32; 64 | evtchn_upcall_pending@0 evtchn_upcall_mask@1 evtchn_pending_sel@8 cr2@16 pad@24 time@32; 64',
    SharedInfo:
      'vcpu_info@0 evtchn_pending@2048 evtchn_mask@2176 wc_version@2304 wc_sec@2308 wc_nsec@2312 max_pfn@2316 pfn_to_mfn_frame_list_list@2320 nmi_reason@2324 p2m_cr3@2328 p2m_vaddr@2332 p2m_generation@2336 wc_sec_hi@2340; 2344 | vcpu_info@0 evtchn_pending@2048 evtchn_mask@2560 wc_version@3072 wc_sec@3076 wc_nsec@3080 max_pfn@3088 pfn_to_mfn_frame_list_list@3096 nmi_reason@3104 p2m_cr3@3112 p2m_vaddr@3120 p2m_generation@3128 wc_sec_hi@3084; 3136',
    StartInfo:
      'magic@0 nr_pages@32 shared_info@36 flags@40 store_mfn@44 store_evtchn@48 console_mfn@52 console_evtchn@56 pt_base@60 nr_pt_frames@64 mfn_list@68 mod_start@72 mod_len@76 cmd_line@80 first_p2m_pfn@1104 nr_p2m_frames@1108; 1112 | magic@0 nr_pages@32 shared_info@40 flags@48 store_mfn@56 store_evtchn@64 console_mfn@72 console_evtchn@80 pt_base@88 nr_pt_frames@96 mfn_list@104 mod_start@112 mod_len@120 cmd_line@128 first_p2m_pfn@1152 nr_p2m_frames@1160; 1168',
    RunstateInfo: 'state@0 state_entry_time@4 time@12; 44 | state@0 state_entry_time@8 time@16; 48',
    GrantEntryV1: 'flags@0 domid@2 frame@4; 8',
    GrantEntryV2: 'flags@0 domid@2 page_off@4 length@6 frame@8 trans_domid@4 gref@8; 16',
  },
  'vcpu-op.ts': {
    VcpuHvmContext:
      'mode@0 pad@4 general@8 eflags@44 cr0@48 cr3@52 cr4@56 pad1@60 efer@64 bases@72 limits@92 rights@112 pad2@122; 128',
    VcpuHvmLongContext: 'mode@0 pad@4 general@8 rflags@80 cr0@88 cr3@96 cr4@104 efer@112; 120',
    RegisterRunstate: 'addr@0 _high@4; 8',
    RegisterTimeArea: 'addr@0 _high@4; 8',
    SetPeriodicTimer: 'period_ns@0; 8',
    SetSingleshotTimer: 'timeout_abs_ns@0 flags@8; 12 | timeout_abs_ns@0 flags@8; 16',
    RegisterVcpuInfo: 'mfn@0 offset@8 rsvd@12; 16',
  },
  'version.ts': {
    Extraversion: 'extraversion@0; 16',
    CompileInfo: 'compiler@0 compile_by@64 compile_domain@80 compile_date@112; 144',
    Capabilities: 'capabilities@0; 1024',
    Changeset: 'changeset@0; 64',
    PlatformParameters: 'virt_start@0; 4 | virt_start@0; 8',
    FeatureInfo: 'submap_idx@0 submap@4; 8',
    GuestHandle: 'handle@0; 16',
    Commandline: 'commandline@0; 9',
  },
};

const folder = new URL('.', import.meta.url);
const sources = (readdirSync(folder, { recursive: true, encoding: 'utf8' }) as string[])
  .filter(path => path.endsWith('.ts') && !path.includes('test'))
  .sort();

const written = (type: StructType<Fields>): string =>
  `${Object.keys(type.fields)
    .map(name => `${name}@${type.offsets[name]}`)
    .join(' ')}; ${type.bytes}`;
const inBothWidths = (type: StructType<Fields>): string =>
  written(type) === written(type.at(64)) ? written(type) : `${written(type)} | ${written(type.at(64))}`;

describe('structures of the public headers', () => {
  it('lie in memory as guests of 32 and 64 bits have them, and none is missing here', async () => {
    const found: typeof LAYOUTS = {};
    for (const path of sources) {
      const exported: Record<string, unknown> = await import(/* @vite-ignore */ new URL(path, folder).href);
      for (const [name, type] of Object.entries(exported))
        if (type instanceof StructType) (found[path] ??= {})[name] = inBothWidths(type as StructType<Fields>);
    }
    expect(found).toEqual(LAYOUTS);
  });
});
