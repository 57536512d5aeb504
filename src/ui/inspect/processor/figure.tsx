/** A vCPU's registers, its code and stack where it is, its segments; steps and stops are above them, and in virtual time ways back. */

import { pastView } from '../parts.ts';
import type { ComponentChildren } from 'preact';
import { registers as R } from '../../../cpu/architecture/index.ts';
import { info } from '../../host.ts';
import { later } from '../../parts/load-when-shown.tsx';
import { Code } from '../code.tsx';
import type { Shown } from '../inspector.ts';
import { namer } from '../symbols.ts';
import { addressText, flagsName, generalOf, ipName, registerText } from '../../../hypervisor/view/index.ts';
import { CONTROL, FLAGS, SEGMENTS, stackOf } from '../vcpu-facts.ts';
import { Breaks } from './breaks.tsx';
import { type Data, hex, segmentRow, STACK_WORDS } from './facts.ts';
import { shownVcpu } from './source.ts';
import { Steps } from './steps.tsx';
import { words } from './words.ts';

const Past = later(pastView, part => part.Past);

export function Figure(shown: Shown<Data>) {
  const { data, target } = shown,
    { state, count, vcpu, isStill } = data;
  return (
    <div class="col prc">
      <div class="row wrap">
        {count > 1 && <VcpuChoice count={count} vcpu={vcpu} />}
        <span class="sec say">
          {isStill ? words.standing : words.running}
          {state.torn && ` ${words.torn}`}
        </span>
        {target.session && <Steps key={target.session.id} session={target.session} isStill={isStill} />}
      </div>
      {target.session && (
        <Breaks
          key={`b${target.session.id}`}
          session={target.session}
          eip={state.linear(R.CS, state.ip)}
          retired={state.retired}
          isStill={isStill}
        />
      )}
      {target.session && info.value?.time === 'virtual' && (
        <Past key={`p${target.session.id}`} session={target.session} eip={state.linear(R.CS, state.ip)} />
      )}
      <Registers {...shown} />
      <CodeAndStack {...shown} />
      <Control {...shown} />
      <Segments {...shown} />
    </div>
  );
}

const VcpuChoice = ({ count, vcpu }: { count: number; vcpu: number }) => (
  <div class="seg" role="group" aria-label={words.vcpus}>
    {Array.from({ length: count }, (_, i) => (
      <button
        key={i}
        aria-pressed={i === vcpu}
        onClick={() => {
          shownVcpu.value = i;
        }}
      >
        {words.vcpu(i)}
      </button>
    ))}
  </div>
);

/** A register that can be chosen; one that has changed is highlighted. */
const Register = ({
  name,
  shown: { data, chosen, choose },
  children,
}: {
  name: string;
  shown: Shown<Data>;
  children: ComponentChildren;
}) => (
  <div class={`${data.changed.has(name) ? 'chg' : ''}${chosen === name ? ' sel' : ''}`}>
    <dt>
      <button class="pickrow" aria-pressed={chosen === name} onClick={() => choose(name)}>
        {name}
      </button>
    </dt>
    <dd>{children}</dd>
  </div>
);

function Registers(shown: Shown<Data>) {
  const { regs, eflags } = shown.data.state;
  return (
    <section>
      <h3>{words.registers}</h3>
      <dl class="regs">
        {generalOf(regs).map(([name, at]) => (
          <Register key={name} name={name} shown={shown}>
            {registerText(regs, at)}
          </Register>
        ))}
        <Register name={ipName(regs)} shown={shown}>
          {registerText(regs, R.EIP)}
        </Register>
        <Register name={flagsName(regs)} shown={shown}>
          {hex(eflags)}
        </Register>
        <Register name="CPL" shown={shown}>
          {regs[R.CPL]!}
        </Register>
      </dl>
      <p class="m sec flg">
        {FLAGS.filter(([bit]) => (eflags >>> bit) & 1)
          .map(([, name]) => name)
          .join(' ') || '–'}
      </p>
    </section>
  );
}

function CodeAndStack({ data: { state }, target }: Shown<Data>) {
  const stack = stackOf(state, STACK_WORDS),
    name = namer(target, state);
  return (
    <div class={`two-c${state.isLong ? ' wide' : ''}`}>
      <section>
        <h3>{words.code}</h3>
        <Code state={state} eip={state.ip} name={name} before={4} after={9} withBytes />
      </section>
      <section>
        <h3>
          {words.stack} <span class="sec">{words.stackHint(state.isLong ? 8 : 4)}</span>
        </h3>
        {stack.length === 0 ? (
          <p class="hint">{words.noMemory}</p>
        ) : (
          <pre class="code dis" tabIndex={0}>
            {stack.map(({ at, word, text }, i) => (
              <span key={at} class={i === 0 ? 'now' : ''}>
                {`${addressText(at, state.isLong)}  ${text}`}
                {name(word) && `  <${name(word)}>`}
              </span>
            ))}
          </pre>
        )}
      </section>
    </div>
  );
}

function Control(shown: Shown<Data>) {
  const { regs, isLong } = shown.data.state;
  return (
    <section>
      <h3>{words.control}</h3>
      <dl class={`regs${isLong ? ' wide' : ''}`}>
        {CONTROL.map(([name, at]) => (
          <Register key={name} name={name} shown={shown}>
            {registerText(regs, at)}
          </Register>
        ))}
        <Register
          name="GDTR"
          shown={shown}
        >{`${registerText(regs, R.GDTR_BASE)} ${hex(regs[R.GDTR_LIMIT]!, 4)}`}</Register>
        <Register
          name="IDTR"
          shown={shown}
        >{`${registerText(regs, R.IDTR_BASE)} ${hex(regs[R.IDTR_LIMIT]!, 4)}`}</Register>
      </dl>
    </section>
  );
}

const Segments = ({ data: { state }, chosen, choose }: Shown<Data>) => (
  <section>
    <h3>{words.segments}</h3>
    <div class="wide">
      <table class="pad picks">
        <thead>
          <tr>
            {words.columns.map(each => (
              <th key={each}>{each}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {SEGMENTS.map(each => {
            const [name, ...cells] = segmentRow(state, each);
            return (
              <tr key={name} class={name === chosen ? 'sel' : ''} onClick={() => choose(name!)}>
                <td>
                  <button class="pickrow b" aria-pressed={name === chosen} onClick={() => choose(name!)}>
                    {name}
                  </button>
                </td>
                {cells.map((cell, i) => (
                  <td key={i} class={i < 4 ? 'm' : 'nw'}>
                    {cell}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  </section>
);
