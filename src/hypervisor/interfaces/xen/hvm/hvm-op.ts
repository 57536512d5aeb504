/** hvm_op: HVM parameters and upcall vectors. Source: xen/include/public/hvm/hvm_op.h, params.h. */
import { XEN_TYPE, XEN_VCPU } from '../layout.ts';
import { DOMID_SELF, EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP, EPERM, ESRCH, HVM_PARAM, HVMOP } from '../abi.ts';
import { dispatch, type HypercallContext, operation, operations, plain, TRANSLATED } from '../hypercalls.ts';
import { HVMMEM } from '../memory/guest-frames.ts';
import { array, type GuestStruct, octets, struct, u8, u16, u32, u64, u64words } from '../struct.ts';
import { getParam, isDeadParam, setParam } from './params.ts';

export const Param = struct({ domid: u16, pad: u16, index: u32, value: u64words });
export const SetEvtchnUpcallVector = struct({ vcpu: u32, vector: u8 });
export const GetTime = struct({ now: u64 });
export const PagetableDying = struct({ domid: u16, pad: array(u16, 3), gpa: u64 });
export const Xentrace = struct({ event: u16, extra_bytes: u16, extra: octets(28) });
export const GetMemType = struct({ domid: u16, mem_type: u16, pad: array(u16, 2), pfn: u64 });

/** Bits of a trace record's event (TRC_SUBCLS_SHIFT). */
const TRACE_EVENT_BITS = 12;
/** First vector that a local APIC takes as a fixed interrupt. */
const FIRST_VECTOR = 16;

/** What a guest may do with its own parameters. The others are the toolstack's (-EPERM), or gone (-EINVAL). */
const GUEST_SETS: readonly number[] = [
  HVM_PARAM.CALLBACK_IRQ,
  HVM_PARAM.STORE_EVTCHN,
  HVM_PARAM.VM86_TSS,
  HVM_PARAM.VM86_TSS_SIZED,
  HVM_PARAM.CONSOLE_EVTCHN,
  HVM_PARAM.ACPI_IOPORTS_LOCATION,
  HVM_PARAM.VM_GENERATION_ID_ADDR,
  HVM_PARAM.X87_FIP_WIDTH,
];
const GUEST_GETS: readonly number[] = [...GUEST_SETS, HVM_PARAM.STORE_PFN, HVM_PARAM.CONSOLE_PFN, HVM_PARAM.ALTP2M];

export const HVM_OPERATIONS = operations('HVMOP_', HVMOP, {
  SET_PARAM: operation(Param, setHvmParam),
  GET_PARAM: operation(Param, getHvmParam, { out: ['value'] }),
  FLUSH_TLBS: plain(flushTlbs),
  PAGETABLE_DYING: operation(PagetableDying, pagetableDying, { guests: TRANSLATED }),
  GET_TIME: operation(GetTime, getTime, { guests: TRANSLATED, out: ['now'], outOnly: true }),
  XENTRACE: operation(Xentrace, xentrace, { guests: TRANSLATED }),
  GET_MEM_TYPE: operation(GetMemType, getMemType, { guests: TRANSLATED, out: ['mem_type'] }),
  SET_EVTCHN_UPCALL_VECTOR: operation(SetEvtchnUpcallVector, setEvtchnUpcallVector, {
    before: ({ isHvm }) => (isHvm ? 0 : -EINVAL),
  }),
  GUEST_REQUEST_VM_EVENT: plain(guestRequestVmEvent, { guests: TRANSLATED }),
  ALTP2M: plain(altp2m, { guests: TRANSLATED }),
});

/** hvm_op: what guests with virtual hardware ask for beyond it. Paravirtual guests may call it, and mostly hear that it is not for them. IN: cmd, arg. */
export function hvmOp(caller: HypercallContext, [command, arg]: readonly number[]): number {
  return dispatch(caller, HVM_OPERATIONS, command, arg);
}

/** Whether a parameter of the guest's own may be used: 0 or an errno. */
function mayUse(
  caller: HypercallContext,
  { domid, index }: GuestStruct<typeof Param>,
  mine: readonly number[],
): number {
  if (index >= HVM_PARAM.COUNT) return -EINVAL;
  if (domid !== DOMID_SELF && domid !== caller.record.id) return caller.ports.of(domid) ? -EPERM : -ESRCH;
  if (!caller.isHvm || isDeadParam(index)) return -EINVAL;
  return mine.includes(index) ? 0 : -EPERM;
}

/**
 * HVMOP_get_param: an HVM parameter.
 * IN: domid, index. OUT: value.
 * Errors: EINVAL no such parameter; ESRCH no such domain; EPERM another than the caller; EINVAL a paravirtual guest has none, or the parameter is gone
 * from the ABI; EPERM the toolstack's.
 */
function getHvmParam(caller: HypercallContext, args: GuestStruct<typeof Param>): number {
  const refused = mayUse(caller, args, GUEST_GETS);
  if (refused) return refused;
  args.value = getParam(caller.ports, args.index);
  return 0;
}

/**
 * HVMOP_set_param: sets one that is the guest's.
 * IN: domid, index, value.
 * Errors: EINVAL no such parameter; ESRCH no such domain; EPERM another than the caller; EINVAL a paravirtual guest has none, or the parameter is gone
 * from the ABI; EPERM the toolstack's; ENODEV ports of ACPI without a chipset; EINVAL no such width of FIP, or place of ACPI's ports; EEXIST a port that
 * the toolstack has set already.
 */
function setHvmParam(caller: HypercallContext, args: GuestStruct<typeof Param>): number {
  const refused = mayUse(caller, args, GUEST_SETS);
  if (refused) return refused;
  const { ports } = caller;
  const { index } = args;
  const [low, high] = args.value;
  switch (index) {
    case HVM_PARAM.CALLBACK_IRQ:
      caller.line.drop();
      setParam(ports, index, low, high);
      caller.latchWidth();
      caller.line.update();
      return 0;
    case HVM_PARAM.X87_FIP_WIDTH:
      if (high !== 0 || (low !== 0 && low !== 4 && low !== 8)) return -EINVAL;
      break;
    case HVM_PARAM.ACPI_IOPORTS_LOCATION:
      // Without a chipset there is no such block of ports.
      if (caller.type !== XEN_TYPE.HVM) return -ENODEV;
      if (high !== 0 || low > 1) return -EINVAL;
      break;
    case HVM_PARAM.STORE_EVTCHN:
    case HVM_PARAM.CONSOLE_EVTCHN: {
      // Set once by the toolstack; the guest may write what is there.
      const [old] = getParam(ports, index);
      if (old !== 0 && old !== low) return -EEXIST;
      break;
    }
  }
  setParam(ports, index, low, high);
  return 0;
}

/**
 * HVMOP_flush_tlbs: of all of the domain's vCPUs.
 * Errors: EINVAL an argument, where none is wanted; EPERM a paravirtual guest has mmuext_op for it.
 */
function flushTlbs({ isHvm, parts }: HypercallContext, arg: number): number {
  if (arg !== 0) return -EINVAL;
  if (!isHvm) return -EPERM;
  parts.processor.flushTlb();
  return 0;
}

/** HVMOP_get_time: the system time, nanoseconds. OUT: now. */
function getTime({ time }: HypercallContext, args: GuestStruct<typeof GetTime>): number {
  args.now = Math.floor(time.now());
  return 0;
}

/**
 * HVMOP_set_evtchn_upcall_vector: a vCPU's upcalls come through its local APIC from now on.
 * IN: vcpu, vector.
 * Errors: EINVAL a paravirtual guest has no local APIC, which is looked at before the structure; EINVAL below 16; ENOENT no such vCPU.
 */
function setEvtchnUpcallVector(
  caller: HypercallContext,
  { vcpu, vector }: GuestStruct<typeof SetEvtchnUpcallVector>,
): number {
  if (vector < FIRST_VECTOR) return -EINVAL;
  const { ports, words } = caller;
  if (vcpu >= ports.vcpus) return -ENOENT;
  if (vcpu === 0) caller.line.drop();
  words[ports.vcpu(vcpu) + XEN_VCPU.VECTOR] = vector;
  if (ports.upcallPending(vcpu)) caller.assertUpcall(vcpu);
  return 0;
}

/**
 * HVMOP_guest_request_vm_event: tells a monitor of the domain, of which there is none.
 * Errors: EINVAL an argument, where none is wanted.
 */
function guestRequestVmEvent(_caller: HypercallContext, arg: number): number {
  return arg === 0 ? 0 : -EINVAL;
}

function isKnown({ ports }: HypercallContext, domid: number): boolean {
  return domid === DOMID_SELF || ports.of(domid) !== undefined;
}

/**
 * HVMOP_pagetable_dying: a hint for a hypervisor that keeps copies of the guest's page tables; second-stage paging keeps none.
 * IN: domid, gpa.
 * Errors: ESRCH no such domain; EINVAL else, as Xen answers where a domain has second-stage paging.
 */
function pagetableDying(caller: HypercallContext, { domid }: GuestStruct<typeof PagetableDying>): number {
  return isKnown(caller, domid) ? -EINVAL : -ESRCH;
}

/**
 * HVMOP_get_mem_type: what lies at a guest frame now, without bringing anything there.
 * IN: domid, pfn. OUT: mem_type.
 * Errors: ESRCH no such domain; EPERM another than the caller.
 */
function getMemType(caller: HypercallContext, args: GuestStruct<typeof GetMemType>): number {
  const { domid, pfn } = args;
  if (!isKnown(caller, domid)) return -ESRCH;
  if (domid !== DOMID_SELF && domid !== caller.record.id) return -EPERM;
  args.mem_type = pfn < 2 ** 32 ? caller.frames.memType(pfn) : HVMMEM.MMIO_DM;
  return 0;
}

/**
 * HVMOP_xentrace: a record of the guest's own for the trace, which has the call itself already.
 * IN: event, extra_bytes, extra.
 * Errors: EINVAL more bytes than a record holds, or no event of a guest's.
 */
function xentrace(_caller: HypercallContext, { event, extra_bytes }: GuestStruct<typeof Xentrace>): number {
  return extra_bytes > Xentrace.fields.extra.bytes || event >>> TRACE_EVENT_BITS !== 0 ? -EINVAL : 0;
}

/**
 * HVMOP_altp2m: other views of guest-physical memory.
 * Refused: a domain has one view.
 * Errors: EOPNOTSUPP always.
 */
function altp2m(): number {
  return -EOPNOTSUPP;
}
