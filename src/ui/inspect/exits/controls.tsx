/** Which of a guest's instructions and exceptions exit: seen, and chosen. */

import { asRun } from '../../kinds/index.ts';
import { useSignal } from '@preact/signals';
import {
  bitmapOf,
  EXIT_SWITCHES,
  type ExitControls,
  type ExitSwitch,
  vectorsIn,
} from '../../../hypervisor/view/index.ts';
import { host } from '../../host.ts';
import { sentence } from '../../sentence.ts';
import { Tag } from '../../parts/marks.tsx';
import type { Target } from '../inspector.ts';
import { hypervisorWords } from './words.ts';

const words = {
  controls: 'VM-execution controls',
  switches: {
    hlt: 'HLT exiting',
    invlpg: 'INVLPG exiting',
    rdtsc: 'RDTSC exiting',
    'cr3-load': 'CR3-load exiting',
    'cr3-store': 'CR3-store exiting',
    pause: 'PAUSE exiting (of several vCPUs)',
    'pause-loop': 'PAUSE-loop exiting',
  } satisfies Record<ExitSwitch, string>,
  exceptions: 'Exception bitmap: vectors',
  msrReads: 'MSR bitmap: reads',
  msrWrites: 'MSR bitmap: writes',
  gap: 'PLE_Gap, clocks of the TSC',
  window: 'PLE_Window',
};

/** A paravirtual guest runs without VT-x and has none. */
export function Controls({ target: { session, machine } }: { target: Target }) {
  const problem = useSignal<string | undefined>(undefined),
    /** Until machine memory says so, too. */
    wanted = useSignal<ExitControls | undefined>(undefined),
    seen = session && machine?.domain(session.id)?.exitControls();
  if (!session || !seen || session.over || !asRun(session.info.value.type).usesVt) return null;
  const controls = wanted.value ?? seen;
  const choose = async (changes: Partial<ExitControls>): Promise<void> => {
    problem.value = undefined;
    wanted.value = { ...controls, ...changes };
    try {
      await host['exit-controls'](session.id, changes);
    } catch (error) {
      problem.value = sentence(error);
    }
    wanted.value = undefined;
  };
  return (
    <fieldset class="exk">
      <legend title={hypervisorWords().controlsHint}>{words.controls}</legend>
      {EXIT_SWITCHES.map(name => (
        <label key={name}>
          <input type="checkbox" checked={controls[name]} onChange={() => void choose({ [name]: !controls[name] })} />
          {words.switches[name]}
        </label>
      ))}
      <List
        name={words.exceptions}
        values={vectorsIn(controls.exceptions)}
        choose={vectors => choose({ exceptions: bitmapOf(vectors) })}
      />
      <List name={words.msrReads} values={controls.msrReads} inHex choose={msrReads => choose({ msrReads })} />
      <List name={words.msrWrites} values={controls.msrWrites} inHex choose={msrWrites => choose({ msrWrites })} />
      {controls['pause-loop'] && (
        <>
          <List name={words.gap} values={[controls['ple-gap']]} choose={([gap = 0]) => choose({ 'ple-gap': gap })} />
          <List
            name={words.window}
            values={[controls['ple-window']]}
            choose={([window = 0]) => choose({ 'ple-window': window })}
          />
        </>
      )}
      {problem.value && <Tag kind="failed">{problem.value}</Tag>}
    </fieldset>
  );
}

/** Numbers with commas between them. */
function List({
  name,
  values,
  inHex = false,
  choose,
}: {
  name: string;
  values: readonly number[];
  inHex?: boolean;
  choose: (values: number[]) => Promise<void>;
}) {
  return (
    <label class="in">
      <span class="u">{name}</span>
      <input
        value={values.map(value => (inHex ? `0x${value.toString(16)}` : `${value}`)).join(',')}
        spellcheck={false}
        autocomplete="off"
        onChange={event =>
          void choose(
            event.currentTarget.value
              .split(/[\s,]+/)
              .filter(Boolean)
              .map(Number),
          )
        }
      />
    </label>
  );
}
