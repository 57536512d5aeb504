/** Small guests in machine code: multiboot kernels that do one thing. */
import type { Boot } from '../../hypervisor/index.ts';
import { DOMID_SELF, EVTCHNOP, HYPERCALL, SCHEDOP, XENMEM } from '../../hypervisor/interfaces/xen/index.ts';

const LOAD = 0x100000,
  ENTRY = LOAD + 0x20;
/** Words that the guests count in, and where the host reads them. */
export const COUNT = 0x9000;

type Code = (string | number[])[];
const d = (value: number): number[] => [0, 8, 16, 24].map(shift => (value >>> shift) & 255);
const bytes = (code: Code): number[] =>
  code.flatMap(part =>
    typeof part === 'string'
      ? part.split(' ').flatMap(hex => (hex.match(/../g) ?? []).map(byte => parseInt(byte, 16)))
      : part,
  );

function kernel(name: string, code: Code, pieces: Record<number, Code> = {}): Boot {
  const image = new Uint8Array(0x2000);
  const view = new DataView(image.buffer);
  [0x1badb002, 0x10000, -(0x1badb002 + 0x10000), LOAD, LOAD, 0, 0, ENTRY].forEach((word, i) =>
    view.setInt32(4 * i, word | 0, true),
  );
  // mov esp, end
  image.set(bytes(['bc', d(LOAD + image.length), ...code]), ENTRY - LOAD);
  for (const [offset, piece] of Object.entries(pieces)) image.set(bytes(piece), Number(offset));
  return { kind: 'kernel', kernel: image, name, cmdline: '' };
}

/** Counts for ever. */
export const hog = (): Boot => kernel('hog', ['ff 05', d(COUNT), 'eb f8']);

/** `rounds` times `body`, with ECX counting down; then isa-debug-exit. */
export const loop = (body: string, rounds: number): Boot => {
  const inner = bytes([body]);
  return kernel('loop', ['b9', d(rounds), inner, '49 75', [(256 - inner.length - 3) & 255], 'b0 00 e6 f4 f4']);
};

/**
 * Two processors that only wait for each other by PAUSE: each round of the first is a turn of the second, there and back.
 * The second is started by INIT and a start-up message, in real mode at 0x8000.
 */
export const pauses = (rounds: number): Boot =>
  kernel('pauses', [
    // pause; jmp to it
    'c7 05',
    d(0x8000),
    'f3 90 eb fc',
    'c7 05',
    d(0xfee00310),
    d(1 << 24),
    'c7 05',
    d(0xfee00300),
    d(0x4500),
    'c7 05',
    d(0xfee00300),
    d(0x4608),
    'b9',
    d(rounds),
    'f3 90 49 75 fb b0 00 e6 f4 f4',
  ]);

/**
 * `rounds` messages to a processor that is halted, and each time a look at its answer until it is there, without PAUSE. The message is an NMI: its handler
 * needs no more than real mode.
 */
export const messages = (rounds: number): Boot =>
  kernel('messages', [
    // hlt; jmp to it. The handler: inc word [COUNT]; iret. Its entry in the table.
    'c7 05',
    d(0x8000),
    'f4 eb fd 00 c7 05',
    d(0x8010),
    '66 ff 06 00 c7 05',
    d(0x8014),
    '90 cf 00 00 c7 05',
    d(8),
    d(0x8010),
    'c7 05',
    d(0xfee00310),
    d(1 << 24),
    'c7 05',
    d(0xfee00300),
    d(0x4500),
    'c7 05',
    d(0xfee00300),
    d(0x4608),
    // mov ebx, [COUNT]; the message; cmp ebx, [COUNT]; je to it; dec ecx; jnz
    'b9',
    d(rounds),
    '8b 1d',
    d(COUNT),
    'c7 05',
    d(0xfee00300),
    d(0x4400),
    '3b 1d',
    d(COUNT),
    '74 f8 49 75 e5 b0 00 e6 f4 f4',
  ]);

// ---- accesses to emulated devices, counted

const countForever = (name: string, before: Code, body: Code): Boot => {
  const inner = bytes([...body, 'ff 05', d(COUNT)]);
  return kernel(name, [...before, inner, 'e9', d(0x100000000 - (inner.length + 5))]);
};
/** in al, 0x64: the keyboard controller's status. */
export const countPort = (): Boot => countForever('port', [], ['e4 64']);
/** mov al, [0xA0000]: a byte of the VGA's planes. */
export const countMemory = (): Boot => countForever('memory', [], ['a0', d(0xa0000)]);
/** A moderate writer: a word into each of 256 pages, one behind the other, with 1,000 instructions after each. */
export const countWrites = (): Boot =>
  countForever(
    'writer',
    [],
    [
      // mov edi, 200000h; each: mov [edi], ecx; mov edx, 500; dec edx; jnz to it; add edi, 4096; cmp edi, 300000h; jb each
      'bf',
      d(0x200000),
      '89 0f ba',
      d(500),
      '4a 75 fd 81 c7',
      d(4096),
      '81 ff',
      d(0x300000),
      '72 e8',
    ],
  );
const DISK_BUFFER = 0x200000;
const out8 = (port: number, value: number): Code => ['66 ba', [port & 255, port >> 8], 'b0', [value], 'ee'];
/** Sector 0 of the first disk by READ SECTORS: command, one look at the status until DRQ (in al, dx; test al, 8; jz back), rep insw. */
export const countSectors = (): Boot =>
  countForever(
    'sector',
    ['fc', ...out8(0x3f6, 2)],
    [
      ...out8(0x1f2, 1),
      ...out8(0x1f3, 0),
      ...out8(0x1f4, 0),
      ...out8(0x1f5, 0),
      ...out8(0x1f6, 0xe0),
      ...out8(0x1f7, 0x20),
      'ec a8 08 74 fb',
      '66 ba f0 01',
      'b9',
      d(256),
      'bf',
      d(DISK_BUFFER),
      'f3 66 6d',
    ],
  );

// ---- guests of Xen

const VMCALL = '0f 01 c1';
/** mov eax, number; mov ebx, command; mov ecx, argument; vmcall */
const call = (number: number, command: number, argument: number): Code => [
  'b8',
  d(number),
  'bb',
  d(command),
  'b9',
  d(argument),
  VMCALL,
];
/** Guest-physical addresses: arguments of calls, and where shared_info is mapped. */
const ARGUMENTS = 0x200000,
  SHARED_INFO = 0x300000;
/** shared_info, 32-bit layout: evtchn_pending, evtchn_mask. */
const PENDING = SHARED_INFO + 0x800,
  MASK = SHARED_INFO + 0x880;
/** The first port of a guest's own: the store has 1, the console 2. */
const PORT = 3;
const store = (address: number, value: number): Code => ['c7 05', d(address), d(value)];

/** An ELF kernel with Xen's PVH note (XEN_ELFNOTE_PHYS32_ENTRY). */
function pvhKernel(name: string, code: Code): Boot {
  const image = new Uint8Array(0x2000);
  const view = new DataView(image.buffer);
  const words = (at: number, ...values: number[]): void =>
    values.forEach((value, i) => view.setUint32(at + 4 * i, value >>> 0, true));
  image.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  words(16, 0x00030002, 1, LOAD, 52, 0, 0);
  // Header sizes: 52; two program headers of 32.
  image.set([52, 0, 32, 0, 2, 0, 40, 0, 0, 0, 0, 0], 40);
  words(52, 1, 0x1000, LOAD, LOAD, 0x1000, 0x1000, 7, 0x1000);
  words(84, 4, 0x200, LOAD + 0x1000, LOAD + 0x1000, 20, 20, 4, 4);
  words(0x200, 4, 4, 18, 0x006e6558, LOAD);
  image.set(bytes(['bc', d(LOAD + 0x1000), ...code]), 0x1000);
  return { kind: 'pvh', kernel: image, name, cmdline: '' };
}

/** `rounds` times `body`, with EBP counting down; then SCHEDOP_shutdown. */
export const xenLoop = (body: string, rounds: number): Boot => {
  const inner = bytes([body]);
  const back = 0x100000000 - (inner.length + 1 + 6);
  return pvhKernel('loop', [
    'bd',
    d(rounds),
    inner,
    '4d 0f 85',
    d(back),
    ...store(ARGUMENTS, 0),
    ...call(HYPERCALL.SCHED_OP, SCHEDOP.SHUTDOWN, ARGUMENTS),
    'f4',
  ]);
};
/** XENVER_version: a call that does next to nothing. */
export const NULL_CALL = 'b8 11 00 00 00 31 db 0f 01 c1';

/** Every event is masked, and shared_info has its place. */
const mapSharedInfo: Code = [
  ...store(ARGUMENTS, DOMID_SELF),
  ...store(ARGUMENTS + 4, 0),
  ...store(ARGUMENTS + 8, 0),
  ...store(ARGUMENTS + 12, SHARED_INFO >>> 12),
  ...call(HYPERCALL.MEMORY_OP, XENMEM.ADD_TO_PHYSMAP, ARGUMENTS),
  ...store(MASK, 0xffffffff),
];
/** lock btr dword [PENDING], PORT */
const clearEvent: Code = ['f0 0f ba 35', d(PENDING), [PORT]];
/** SCHEDOP_poll for the port, without an end; then its bit is cleared. */
const awaitEvent: Code = [...call(HYPERCALL.SCHED_OP, SCHEDOP.POLL, ARGUMENTS + 0x20), ...clearEvent];
/** The same without blocking: bt [PENDING], PORT; jnc back. */
const spinForEvent: Code = ['0f ba 25', d(PENDING), [PORT], '73 f6', ...clearEvent];
const preparePoll: Code = [
  ...store(ARGUMENTS + 0x20, ARGUMENTS + 0x30),
  ...store(ARGUMENTS + 0x24, 1),
  ...store(ARGUMENTS + 0x28, 0),
  ...store(ARGUMENTS + 0x2c, 0),
  ...store(ARGUMENTS + 0x30, PORT),
];
const sendEvent: Code = [
  ...store(ARGUMENTS + 0x40, PORT),
  ...call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.SEND, ARGUMENTS + 0x40),
];

function forever(...code: Code): Code {
  const inner = bytes(code);
  return [inner, 'e9', d(0x100000000 - (inner.length + 5))];
}

/** Offers the port to domain `to` and answers every event. */
export const eventAnswerer = (to: number, blocks: boolean): Boot =>
  pvhKernel('answerer', [
    ...mapSharedInfo,
    ...preparePoll,
    ...store(ARGUMENTS + 0x50, DOMID_SELF | (to << 16)),
    ...call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.ALLOC_UNBOUND, ARGUMENTS + 0x50),
    ...forever(...(blocks ? awaitEvent : spinForEvent), ...sendEvent),
  ]);

/** Binds to that of domain `to`, sends and waits for the answer, and counts. */
export const eventSender = (to: number): Boot =>
  pvhKernel('sender', [
    ...mapSharedInfo,
    ...preparePoll,
    ...store(ARGUMENTS + 0x60, to),
    ...store(ARGUMENTS + 0x64, PORT),
    ...call(HYPERCALL.EVENT_CHANNEL_OP, EVTCHNOP.BIND_INTERDOMAIN, ARGUMENTS + 0x60),
    // It is pending since it was bound.
    ...clearEvent,
    ...forever(...sendEvent, ...awaitEvent, 'ff 05', d(COUNT)),
  ]);

// ---- a PC that sleeps

const HANDLER = 0x200,
  IDTR = 0x300,
  IDT = 0x1000,
  VECTOR = 0x20;
const ports = (...writes: [port: number, value: number][]): Code =>
  writes.map(([port, value]) => [0xb0, value, 0xe6, port]);
const gate = (address: number): Code => [
  [address & 255, (address >> 8) & 255, 8, 0, 0, 0x8e, (address >> 16) & 255, (address >>> 24) & 255],
];

/** Sleeps until the timer's tick, a hundred times a second, and works for some tenths of a millisecond then. */
export const sleeper = (): Boot =>
  kernel(
    'sleeper',
    [
      '0f 01 1d',
      d(LOAD + IDTR),
      ...ports(
        [0x20, 0x11],
        [0x21, VECTOR],
        [0x21, 4],
        [0x21, 1],
        [0x21, 0xfe],
        [0x43, 0x34],
        [0x40, 11932 & 255],
        [0x40, 11932 >> 8],
      ),
      // sti; hlt; mov ecx, n; loop; jmp to hlt
      'fb f4 b9',
      d(10_000),
      'e2 fe eb f6',
    ],
    {
      // inc [count]; push eax; EOI; pop eax; iret
      [HANDLER]: ['ff 05', d(COUNT), '50', ...ports([0x20, 0x20]), '58 cf'],
      [IDTR]: [[0xff, 0x07], d(LOAD + IDT)],
      [IDT + 8 * VECTOR]: gate(LOAD + HANDLER),
    },
  );
