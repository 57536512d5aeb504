import { describe, expect, it } from 'vitest';
import { readdirSync } from 'node:fs';
import { type Fields, StructType } from './struct.ts';

/**
 * Fields with their offsets, and the size, of every structure that an operation reads: what a compiler for i386 makes of Xen's public headers
 * (xen/include/public: callback.h, event_channel.h, grant_table.h, hvm/hvm_op.h, memory.h, nmi.h, physdev.h, sched.h, vcpu.h, version.h, xen.h).
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
    SetupTable: 'dom@0 nr_frames@4 status@8 frame_list@12; 16',
    Transfer: 'mfn@0 domid@4 ref@8 status@12; 16',
    CopyEnd: 'ref@0 domid@4 offset@6; 8',
    Copy: 'source@0 dest@8 len@16 flags@18 status@20; 24',
    QuerySize: 'dom@0 nr_frames@4 max_nr_frames@8 status@12; 16',
    UnmapAndReplace: 'host_addr@0 new_addr@8 handle@16 status@20; 24',
    SetVersion: 'version@0; 4',
    GetStatusFrames: 'nr_frames@0 dom@4 status@6 frame_list@8; 12',
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
    MulticallEntry: 'op@0 result@4 args@8; 32',
  },
  'memory/memory-op.ts': {
    MemoryExchange: 'in@0 out@20 nr_exchanged@40; 44',
    DomainId: 'domid@0; 2',
    MachphysMfnList: 'max_extents@0 extent_start@4 nr_extents@8; 12',
    MachphysMapping: 'v_start@0 v_end@4 max_mfn@8; 12',
    AddToPhysmap: 'domid@0 size@2 space@4 idx@8 gpfn@12; 16',
    AddToPhysmapBatch: 'domid@0 space@2 size@4 foreign_domid@6 idxs@8 gpfns@12 errs@16; 20',
    RemoveFromPhysmap: 'domid@0 gpfn@4; 8',
    MemoryMap: 'nr_entries@0 buffer@4; 8',
    E820Entry: 'addr@0 size@8 type@16; 20',
  },
  'memory/reservation.ts': {
    MemoryReservation: 'extent_start@0 nr_extents@4 extent_order@8 mem_flags@12 domid@16; 20',
  },
  'misc-ops.ts': {
    SetIopl: 'iopl@0; 4',
    SetIobitmap: 'bitmap@0 nr_ports@4; 8',
  },
  'pv/mmu.ts': {
    MmuUpdate: 'ptr@0 val@8; 16',
    MmuextOp: 'cmd@0 arg1@4 arg2@8; 12',
  },
  'pv/traps.ts': {
    TrapInfo: 'vector@0 flags@1 cs@2 address@4; 8',
    XennmiCallback: 'handler_address@0 pad@4; 8',
    CallbackRegister: 'type@0 flags@2 cs@4 eip@8; 12',
    CallbackUnregister: 'type@0 _unused@2; 4',
  },
  'sched-op.ts': {
    Shutdown: 'reason@0; 4',
    Poll: 'ports@0 nr_ports@4 timeout@8; 16',
    RemoteShutdown: 'domain_id@0 reason@4; 8',
    Watchdog: 'id@0 timeout@4; 8',
  },
  'vcpu-op.ts': {
    VcpuHvmContext:
      'mode@0 pad@4 general@8 eflags@44 cr0@48 cr3@52 cr4@56 pad1@60 efer@64 bases@72 limits@92 rights@112 pad2@122; 128',
    RegisterRunstate: 'addr@0 _high@4; 8',
    RegisterTimeArea: 'addr@0 _high@4; 8',
    SetPeriodicTimer: 'period_ns@0; 8',
    SetSingleshotTimer: 'timeout_abs_ns@0 flags@8; 12',
    RegisterVcpuInfo: 'mfn@0 offset@8 rsvd@12; 16',
  },
  'version.ts': {
    Extraversion: 'extraversion@0; 16',
    CompileInfo: 'compiler@0 compile_by@64 compile_domain@80 compile_date@112; 144',
    Capabilities: 'capabilities@0; 1024',
    Changeset: 'changeset@0; 64',
    PlatformParameters: 'virt_start@0; 4',
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
    .map(name => `${name}@${type.offset(name)}`)
    .join(' ')}; ${type.bytes}`;

describe('structures of the public headers', () => {
  it('lie in memory as a 32-bit guest has them, and none is missing here', async () => {
    const found: typeof LAYOUTS = {};
    for (const path of sources) {
      const exported: Record<string, unknown> = await import(/* @vite-ignore */ new URL(path, folder).href);
      for (const [name, type] of Object.entries(exported))
        if (type instanceof StructType) (found[path] ??= {})[name] = written(type as StructType<Fields>);
    }
    expect(found).toEqual(LAYOUTS);
  });
});
