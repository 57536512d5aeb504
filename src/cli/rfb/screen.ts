/** A domain's screen and what is pressed at it, as those who serve it have them. */
import type { Definition } from '../../dom0/definitions/config/index.ts';
import type { Member, Toolstack } from '../../dom0/toolstack/index.ts';
import type { MouseMove } from '../../hypervisor/index.ts';
import { SCREEN } from '../../hypervisor/layout/index.ts';
import { readScreen, type ScreenPicture, screenPicture } from '../../hypervisor/view/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: of whichever console
type AnyToolstack = Toolstack<any>;
// biome-ignore lint/suspicious/noExplicitAny: as there
type AnyMember = Member<any>;

/** '': nobody knows it. */
export type Password = Uint8Array | '';

/** What is asked for at a screen with such a definition at a moment. */
export function passwordOf(
  { vncPassword, vncPasswordUntil }: Pick<Definition, 'vncPassword' | 'vncPasswordUntil'>,
  epochMs: number,
): Password | undefined {
  if (vncPassword === undefined) return undefined;
  const isOver = vncPasswordUntil !== undefined && !(epochMs < Date.parse(`${vncPasswordUntil}Z`));
  return isOver || vncPassword === '' ? '' : new TextEncoder().encode(vncPassword);
}

export interface ServedScreen {
  readonly name: string;
  /** What clients are asked for, as the domain is defined now; undefined: nothing. */
  password(): Password | undefined;
  /** Of which domain it is, and how often it has changed; undefined: it is gone permanently. */
  generation(): string | undefined;
  /** Undefined: it changes just now, or there is none at the moment. */
  picture(): ScreenPicture | undefined;
  /** Somebody has the last picture, and would like another. */
  want(): void;
  key(code: string, down: boolean): void;
  mouse(move: MouseMove): void;
}

/** `find`: the domain as it is now, since one that reboots is another; undefined: there will be none any more. */
export function screenOf(
  toolstack: AnyToolstack,
  { name, epochMs }: { name: string; epochMs: () => number },
  find: () => AnyMember | undefined,
): ServedScreen {
  const memory = toolstack.machine.memory as SharedArrayBuffer;
  /** While one that reboots is built again it is none: what was its memory may be another's. */
  const living = (): AnyMember | undefined => {
    const member = find();
    return member && toolstack.members.get(member.record.id) === member ? member : undefined;
  };
  const blockOf = ({ record }: AnyMember): Int32Array => new Int32Array(memory, record.screenOffset, SCREEN.DATA);
  let last = find();
  return {
    name,
    password: () => {
      last = find() ?? last;
      return last ? passwordOf(last.blueprint.definition, epochMs()) : '';
    },
    generation: () => {
      const member = living();
      return member ? `${member.record.id} ${Atomics.load(blockOf(member), SCREEN.GENERATION)}` : find() && 'none';
    },
    picture: () => {
      const member = living();
      if (!member) return undefined;
      const { screenOffset } = member.record;
      return readScreen(memory, screenOffset, () => screenPicture(memory, screenOffset));
    },
    want: () => {
      const member = living();
      if (member) Atomics.add(blockOf(member), SCREEN.WANTED, 1);
    },
    key: (code, down) => {
      const member = living();
      if (member) toolstack.inputs.key(member, code, down);
    },
    mouse: move => {
      const member = living();
      if (member) toolstack.inputs.mouse(member, move);
    },
  };
}
