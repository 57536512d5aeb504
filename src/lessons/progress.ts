/** How far somebody has come with what a step says, known from the inputs that the host has noted in virtual time, and from the machine's own values. */
import type { Facts, LoggedInput } from '../dom0/service/index.ts';
import { isEdited } from './edits.ts';
import type { Action } from './form.ts';

/** `ranMs`: of time that is to go on, how much has, once all that is before it is done; it ends sooner where nothing happens any more. */
export interface Done {
  isDone: boolean;
  ranMs?: number;
  /** Of a line that is to be typed and was not: the last one that was typed at its guest and that no action asks for. */
  typed?: string;
}

/** Since a step began. */
export interface Since {
  ids: ReadonlyMap<string, number>;
  /** Of guests whose source was changed, as they run. */
  sources?: ReadonlyMap<string, string>;
  inputs: readonly LoggedInput[];
  beganNs: number;
  nowNs: number;
  /** All guests wait, and nothing will wake one: time has no reason to go on. */
  isIdle: boolean;
  facts: ReadonlyMap<string, Facts>;
}

/** Lines that were ended, as a guest's line editor has them. */
function linesTo(inputs: readonly LoggedInput[], id: number | undefined): { text: string; atNs: number }[] {
  const lines: { text: string; atNs: number }[] = [];
  let line = '';
  for (const { atNs, what } of inputs) {
    if (what.kind !== 'console' || what.domain !== id) continue;
    const bytes =
      what.input instanceof Uint8Array ? what.input : 'serial' in what.input ? what.input.serial : undefined;
    for (const character of bytes ? new TextDecoder().decode(bytes) : '') {
      if (character === '\r' || character === '\n') {
        lines.push({ text: line, atNs });
        line = '';
      } else line = character === '\x7f' || character === '\b' ? line.slice(0, -1) : line + character;
    }
  }
  return lines;
}

export function progressOf(
  actions: readonly Action[],
  { ids, sources, inputs, beganNs, nowNs, isIdle, facts }: Since,
): Done[] {
  const commands = inputs.flatMap(({ atNs, what }) =>
    what.kind === 'command' ? [{ atNs, name: what.name, given: JSON.stringify(what.given) }] : [],
  );
  /** Lines that an action before has taken. */
  const taken = new Set<string>();
  let behindNs: number | undefined = beganNs;
  const done = actions.map((action): Done => {
    let atNs: number | undefined;
    if (action.kind === 'run') {
      const ranMs: number | undefined =
          behindNs === undefined ? undefined : Math.min(action.ms, (nowNs - behindNs) / 1e6),
        isDone = ranMs === action.ms || (isIdle && ranMs !== undefined);
      behindNs = isDone ? behindNs! + 1e6 * ranMs! : undefined;
      return { isDone, ...(ranMs === undefined ? {} : { ranMs }) };
    }
    if (action.kind === 'type') {
      const lines = linesTo(inputs, ids.get(action.guest)),
        at = lines.findIndex(({ text }, i) => text.trim() === action.text && !taken.has(`${action.guest} ${i}`));
      if (at >= 0) taken.add(`${action.guest} ${at}`);
      atNs = lines[at]?.atNs;
    } else if (action.kind === 'edit') {
      if (isEdited(sources?.get(action.guest) ?? '', action)) atNs = beganNs;
    } else if (action.kind === 'xl') {
      const given = JSON.stringify([ids.get(action.guest), ...(action.value === undefined ? [] : [action.value])]);
      atNs = commands.find(each => each.name === action.verb && each.given === given)?.atNs;
    } else if (action.kind === 'controls') {
      const values = facts.get(action.guest)?.values ?? {};
      if (Object.entries(action.controls).every(([name, on]) => values[`control.${name}`] === Number(on)))
        atNs = commands.findLast(({ name }) => name === 'exit-controls')?.atNs ?? beganNs;
    } else if (action.kind === 'migrate')
      // It has another number then.
      atNs = commands.find(({ name }) => name === 'migrate')?.atNs;
    else if (action.kind === 'slice')
      atNs = commands.find(({ given }) => given.includes(`"tsliceUs":${1000 * action.ms}`))?.atNs;
    else {
      const values = facts.get(action.guest)?.values ?? {};
      // Who sets it at a shell leaves no command of the host's in the log.
      if (
        (action.weight === undefined || values.weight === action.weight) &&
        (action.cap === undefined || values.cap === action.cap)
      )
        atNs = commands.findLast(({ given }) => given.includes(`"domain":${ids.get(action.guest)}`))?.atNs ?? beganNs;
    }
    behindNs = atNs === undefined || behindNs === undefined ? undefined : Math.max(behindNs, atNs);
    return { isDone: atNs !== undefined };
  });
  // Only now is it known which lines the other actions have taken.
  return done.map((each, i) => {
    const action = actions[i]!;
    if (action.kind !== 'type' || each.isDone) return each;
    const typed = linesTo(inputs, ids.get(action.guest)).findLast(
      ({ text }, at) => text.trim() !== '' && !taken.has(`${action.guest} ${at}`),
    )?.text;
    return typed === undefined ? each : { ...each, typed: typed.trim() };
  });
}
