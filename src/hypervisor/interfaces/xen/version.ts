/** xen_version. Source: xen/include/public/version.h. Strings fill their fields with zeros: no byte of anything else leaves. */
import { XEN, XEN_TYPE } from './layout.ts';
import { EINVAL, EPERM, PV_VIRT_START, VMASST, XEN_MAJOR, XEN_MINOR, XENFEAT, XENVER } from './abi.ts';
import { dispatch, type HypercallContext, operation, operations, plain } from './hypercalls.ts';
import { chars, type GuestStruct, octets, struct, u32, ulong } from './struct.ts';

const DENIED = '<denied>';

export const Extraversion = struct({ extraversion: chars(16) });
export const CompileInfo = struct({
  compiler: chars(64),
  compile_by: chars(16),
  compile_domain: chars(32),
  compile_date: chars(32),
});
export const Capabilities = struct({ capabilities: chars(1024) });
export const Changeset = struct({ changeset: chars(64) });
export const PlatformParameters = struct({ virt_start: ulong });
export const FeatureInfo = struct({ submap_idx: u32, submap: u32 });
export const GuestHandle = struct({ handle: octets(16) });
/** The first bytes of 1024: no more is written where it is denied. */
export const Commandline = struct({ commandline: chars(DENIED.length + 1) });

/** What kinds of guests can be run, as guests and `xl info` see it. Paravirtual ones have 32 bits. */
export const guestKinds = (hasVt: boolean): string =>
  `xen-3.0-x86_32p ${hasVt ? 'hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 ' : ''}`;
/** What follows the numbers of the version. */
export const XEN_EXTRA = '.0-ringside';
/** The version control's name of the sources: not disclosed. */
export const CHANGESET = 'unavailable';

const bits = (...features: number[]): number => features.reduce((word, bit) => word | (1 << bit), 0);
const HVM_FEATURES = bits(
  XENFEAT.WRITABLE_PAGE_TABLES,
  XENFEAT.AUTO_TRANSLATED_PHYSMAP,
  XENFEAT.HVM_CALLBACK_VECTOR,
  XENFEAT.HVM_SAFE_PVCLOCK,
  XENFEAT.MEMORY_OP_VNODE_SUPPORTED,
  XENFEAT.NOT_DIRECT_MAPPED,
);
const PV_FEATURES = bits(
  XENFEAT.MMU_PT_UPDATE_PRESERVE_AD,
  XENFEAT.HIGHMEM_ASSIST,
  XENFEAT.GNTTAB_MAP_AVAIL_BITS,
  XENFEAT.MEMORY_OP_VNODE_SUPPORTED,
  XENFEAT.DIRECT_MAPPED,
);

export const VERSION_OPERATIONS = operations('XENVER_', XENVER, {
  VERSION: plain(version),
  EXTRAVERSION: operation(Extraversion, extraversion, { out: ['extraversion'], outOnly: true }),
  COMPILE_INFO: operation(CompileInfo, compileInfo, {
    out: ['compiler', 'compile_by', 'compile_domain', 'compile_date'],
    outOnly: true,
  }),
  CAPABILITIES: operation(Capabilities, capabilities, { out: ['capabilities'], outOnly: true }),
  CHANGESET: operation(Changeset, changeset, { out: ['changeset'], outOnly: true }),
  PLATFORM_PARAMETERS: operation(PlatformParameters, platformParameters, { out: ['virt_start'], outOnly: true }),
  GET_FEATURES: operation(FeatureInfo, getFeatures, { out: ['submap'] }),
  PAGESIZE: plain(pagesize),
  GUEST_HANDLE: operation(GuestHandle, guestHandle, { out: ['handle'], outOnly: true }),
  COMMANDLINE: operation(Commandline, commandline, { out: ['commandline'], outOnly: true }),
  BUILD_ID: plain(buildId),
});

/** xen_version: what hypervisor this is and what it offers. IN: cmd, arg. */
export function xenVersion(caller: HypercallContext, [command, arg]: readonly number[]): number {
  return dispatch(caller, VERSION_OPERATIONS, command, arg);
}

/** XENVER_version: major in bits 16-31, minor in 0-15. */
function version(): number {
  return (XEN_MAJOR << 16) | XEN_MINOR;
}

/** XENVER_extraversion: what follows the numbers. OUT: extraversion. */
function extraversion(_caller: HypercallContext, args: GuestStruct<typeof Extraversion>): number {
  args.extraversion = XEN_EXTRA;
  return 0;
}

/** XENVER_compile_info: who built it with what; place and date are not disclosed. OUT: compiler, compile_by, compile_domain, compile_date. */
function compileInfo(_caller: HypercallContext, args: GuestStruct<typeof CompileInfo>): number {
  args.compiler = 'TypeScript';
  args.compile_by = 'ringside';
  return 0;
}

/** XENVER_capabilities: kinds of guests that can be run. OUT: capabilities. */
function capabilities({ machine }: HypercallContext, args: GuestStruct<typeof Capabilities>): number {
  args.capabilities = guestKinds(machine.hasVt);
  return 0;
}

/** XENVER_changeset: not disclosed. OUT: changeset. */
function changeset(_caller: HypercallContext, args: GuestStruct<typeof Changeset>): number {
  args.changeset = CHANGESET;
  return 0;
}

/** XENVER_platform_parameters: where the hypervisor's part of a paravirtual guest's space begins; 0 for others. OUT: virt_start. */
function platformParameters({ type }: HypercallContext, args: GuestStruct<typeof PlatformParameters>): number {
  args.virt_start = type === XEN_TYPE.PV ? PV_VIRT_START : 0;
  return 0;
}

/**
 * XENVER_get_features: bits XENFEAT_* of a word.
 * IN: submap_idx. OUT: submap.
 * Errors: EINVAL another word than 0.
 */
function getFeatures({ type, words, xenBlock }: HypercallContext, args: GuestStruct<typeof FeatureInfo>): number {
  if (args.submap_idx !== 0) return -EINVAL;
  const above4g = words[xenBlock + XEN.ASSISTS] & (1 << VMASST.PAE_EXTENDED_CR3) ? 1 << XENFEAT.PAE_PGDIR_ABOVE_4GB : 0;
  args.submap = (type === XEN_TYPE.PV ? PV_FEATURES : HVM_FEATURES) | above4g;
  return 0;
}

/**
 * XENVER_pagesize: 4096.
 * Errors: EINVAL an argument, where none is wanted.
 */
function pagesize(_caller: HypercallContext, arg: number): number {
  return arg === 0 ? 4096 : -EINVAL;
}

/** XENVER_guest_handle: the domain's UUID. OUT: handle. */
function guestHandle({ machine, xenBlock }: HypercallContext, args: GuestStruct<typeof GuestHandle>): number {
  const at = (xenBlock + XEN.UUID) * 4;
  args.handle = machine.bytes.slice(at, at + GuestHandle.bytes);
  return 0;
}

/** XENVER_commandline: for Domain 0 only; other domains get a text that says so. OUT: commandline. */
function commandline(_caller: HypercallContext, args: GuestStruct<typeof Commandline>): number {
  args.commandline = DENIED;
  return 0;
}

/**
 * XENVER_build_id: which build it is.
 * Refused: Domain 0's to know.
 * Errors: EPERM always.
 */
function buildId(): number {
  return -EPERM;
}
