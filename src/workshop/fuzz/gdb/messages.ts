/** What a hostile debugger sends: packets that are right, nearly right and none at all. */
import { gdbPacket } from '../../../formats/gdb/index.ts';
import { damaged, type Pick } from '../../harness/pick.ts';

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, letter => letter.charCodeAt(0) & 0xff);

/** Numbers at which something may end: of registers, lengths, addresses. */
const NUMBERS = [0, 1, 2, 3, 7, 8, 0x10, 0x40, 0x1000, 0x1001, 0x4000, 0x10000, 0x100000, 0x7fffffff, 0x80000000];
const WIDE = ['ffffffff', '100000000', 'ffff800000000000', '7fffffffffff', '800000000000', 'ffffffffffffffff', ''];

function numberText(pick: Pick): string {
  if (pick(4) === 0) return WIDE[pick(WIDE.length)]!;
  return (pick(2) === 0 ? NUMBERS[pick(NUMBERS.length)]! : pick(2 ** 21)).toString(16);
}

const hexText = (pick: Pick, most: number): string =>
  Array.from({ length: pick(most) }, () => pick(256).toString(16).padStart(2, '0')).join('');

type Make = (pick: Pick) => string;
const REQUESTS: readonly Make[] = [
  () => '?',
  () => 'g',
  pick => `G${hexText(pick, 700)}`,
  pick => `p${numberText(pick)}`,
  pick => `P${numberText(pick)}=${hexText(pick, 10)}`,
  pick => `m${numberText(pick)},${numberText(pick)}`,
  pick => {
    const bytes = hexText(pick, 40);
    return `M${numberText(pick)},${(bytes.length / 2).toString(16)}:${bytes}`;
  },
  pick => {
    const count = pick(40);
    return `X${numberText(pick)},${count.toString(16)}:${String.fromCharCode(...Array.from({ length: count }, () => pick(256)))}`;
  },
  pick => `Z${pick(6)},${numberText(pick)},${numberText(pick)}`,
  pick => `z${pick(6)},${numberText(pick)},${numberText(pick)}`,
  pick => `H${'gcx'[pick(3)]}${pick(3) === 0 ? '-1' : numberText(pick)}`,
  pick => `T${numberText(pick)}`,
  pick => ['s', 'c', 'S05', 'C05', 'bs', 'bc', `c${numberText(pick)}`, `s${numberText(pick)}`][pick(8)]!,
  pick => `vCont;${['c', 's:1;c', 's:-1', 's:9', 'C05', 't', 'r1,2', ''][pick(8)]}`,
  pick => ['vCont?', 'vMustReplyEmpty', 'vFile:open:00', 'vRun;', 'vAttach;1'][pick(5)]!,
  pick => `qXfer:features:read:${['target.xml', 'other', ''][pick(3)]}:${numberText(pick)},${numberText(pick)}`,
  pick => `qSupported:${['swbreak+;hwbreak+', ';;;', 'multiprocess+', hexText(pick, 30)][pick(4)]}`,
  pick => ['qC', 'qfThreadInfo', 'qsThreadInfo', 'qAttached', 'qSymbol::', 'QStartNoAckMode'][pick(6)]!,
  pick => `qThreadExtraInfo,${numberText(pick)}`,
  pick =>
    `qRcmd,${[...latin1(['help', 'exits', 'past', 'xenstore /', `walk ${numberText(pick)}`, '__proto__', ''][pick(7)]!)].map(byte => byte.toString(16).padStart(2, '0')).join('')}`,
  pick => `qRcmd,${hexText(pick, 20)}`,
  pick => ['D', 'k', 'vKill;1'][pick(3)]!,
];

/** One message; a giant one now and then. */
export function gdbMessage(pick: Pick): Uint8Array {
  const kind = pick(64);
  if (kind === 0) return Uint8Array.of(3);
  if (kind < 3) return Uint8Array.from({ length: pick(60) }, () => pick(256));
  if (kind === 3 && pick(40) === 0) return gdbPacket(new Uint8Array(0x3f00 + pick(0x300)).fill(0x41));
  // Seldom those that end it all.
  const last = pick(200) === 0 ? 0 : 1;
  const packet = gdbPacket(latin1(REQUESTS[pick(REQUESTS.length - last)]!(pick)));
  return kind < 20 ? damaged(pick, packet) : packet;
}
