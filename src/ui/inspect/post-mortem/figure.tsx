/** How a guest came to its end, and below it the code before that, its registers, stack and the gate that blocked delivery. */

import { registers as R } from '../../../cpu/architecture/index.ts';
import { addressText, exitTitle } from '../../../hypervisor/view/index.ts';
import { strings } from '../../strings.ts';
import { clock } from '../../units.ts';
import { Code } from '../code.tsx';
import { instructionAt, shortly } from '../disassembly.ts';
import { WhyBox } from '../frame.tsx';
import type { Shown, Target } from '../inspector.ts';
import { namer } from '../symbols.ts';
import { aboutPlace, type Data, headline, placesOf, registersOf, vectorOf } from './facts.ts';
import { Entry, Segments, Stack } from './gate-and-stack.tsx';
import { LastCode } from './last-code.tsx';
import { WRITERS } from './source.ts';
import { reasonOf } from './why.ts';
import { words } from './words.ts';

/** Places of exits that are shown. */
const PLACES = 6;

export function Figure(shown: Shown<Data>) {
  const {
      data: { state, code },
      target,
    } = shown,
    info = target.session?.info.value,
    vector = vectorOf(shown),
    endNs = target.session?.sample.value?.nowNs;
  return (
    <div class={`pm${state.isLong ? ' of-64' : ''}`}>
      <p class="pm-lead">
        <b title={info?.ended}>{headline(shown) ?? strings.guest.ended(info?.name ?? '', info?.ended ?? '')}</b>{' '}
        {endNs !== undefined && words.at(clock(endNs))} {words.stays}
      </p>
      <Way {...shown} />
      <div class={`pm-cols${code ? ' kept' : ''}`}>
        <div class="col">
          {code ? (
            <LastCode rows={code} />
          ) : (
            <>
              <CodeNow {...shown} />
              <LastExits data={shown.data} />
            </>
          )}
        </div>
        <div class="col">
          <Registers data={shown.data} />
          <div class={`pm-two${state.isLong ? ' wide' : ''}`}>
            {vector === undefined ? (
              <Segments state={state} />
            ) : (
              <Entry state={state} vector={vector} id={target.session!.id} />
            )}
            <Stack state={state} code={code} />
          </div>
          <WhyBox why={reasonOf(shown)} />
        </div>
      </div>
    </div>
  );
}

/** From the last instruction to the end. A gate is chosen by the event that found it. */
function Way(shown: Shown<Data>) {
  const vector = vectorOf(shown),
    { data, choose } = shown;
  return (
    <ol class="pm-way" aria-label={words.how}>
      {data.moments.map(({ kind, head, name, text, vector: of }, i) => (
        <li
          key={`${i} ${head}`}
          class={`pm-${kind}${of !== undefined && of === vector && kind === 'gate' ? ' on' : ''}`}
        >
          {of !== undefined ? (
            <button onClick={() => choose(`g${of}`)}>
              <Step head={head} name={name} text={text} />
            </button>
          ) : (
            <div>
              <Step head={head} name={name} text={text} />
            </div>
          )}
        </li>
      ))}
    </ol>
  );
}

const Step = ({ head, name, text }: { head: string; name: string; text: string }) => (
  <>
    <span class="sec">{head}</span>
    <b class="m">{name}</b>
    <span class="sec">{text}</span>
  </>
);

/** Where it stopped, as memory is now: what ran before is not known. */
const CodeNow = ({ data: { state, lasts }, target }: { data: Data; target: Target }) => (
  <section>
    <div class="ph">
      <h3>{words.code}</h3>
      <span class="sec">{words.codeHint}</span>
    </div>
    <Code state={state} eip={lasts[0]?.ip ?? state.ip} name={namer(target, state)} before={8} after={1} />
    <p class="cap-t">
      {words.codeNone} <code>vmtrace_buf_kb = 4</code> {words.codeNone2}
    </p>
  </section>
);

const LastExits = ({ data: { state, lasts, exits, vcpu } }: { data: Data }) => (
  <section>
    <div class="ph">
      <h3>{words.exits}</h3>
      <span class="sec">{words.newest(lasts.length, exits)}</span>
    </div>
    <table class="pad pm-exits">
      <thead>
        <tr>
          <th>{words.columns[1]}</th>
          <th>{words.columns[2]}</th>
          <th class="num">{words.times}</th>
        </tr>
      </thead>
      <tbody>
        {placesOf(lasts)
          .slice(0, PLACES)
          .map((exits, i) => (
            <tr key={exits[0]!.number} class={i === 0 ? 'sel' : ''}>
              <td class="m">{addressText(exits[0]!.ip)}</td>
              <td>
                {exitTitle(exits[0]!.reason)} <span class="sec">{aboutPlace(state, exits, vcpu)}</span>
                {i === 0 && <code class="sec"> {shortly(instructionAt(state, exits[0]!.ip)?.text ?? '')}</code>}
              </td>
              <td class="m num">{exits.length}</td>
            </tr>
          ))}
      </tbody>
    </table>
  </section>
);

function Registers({ data: { state, vcpu, written } }: { data: Data }) {
  const { regs } = state;
  return (
    <section>
      <div class="ph">
        <h3>{words.registers}</h3>
        <span class="sec">{words.facts(vcpu, regs[R.CPL]!, (state.eflags >>> 9) & 1, regs[R.CR0]! < 0)}</span>
      </div>
      <dl class="regs">
        {registersOf(state).map(([name, value, at]) => (
          <div key={`${name} ${value}`} class={at !== undefined && written.has(at) ? 'chg' : ''}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {written.size > 0 && <p class="cap-t">{words.written(WRITERS)}</p>}
    </section>
  );
}
