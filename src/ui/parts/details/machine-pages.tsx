/** What a domain has next to its devices: what it is, processors, memory, and what it starts from. */

import { useSignal } from '@preact/signals';
import type { HardwareChange } from '../../../dom0/service/index.ts';
import { Apply } from './apply.tsx';
import type { PageProps } from './device-pages.tsx';
import { Text } from './fields.tsx';
import { impactsOf } from './shapes.ts';
import { titleIn, withTitle } from './title.ts';
import { words } from './words.ts';

const About = ({ hardware: { name, uuid, osType, path, id, hypervisor } }: PageProps) => (
  <dl class="kv">
    <dt>{words.name}</dt>
    <dd>{name}</dd>
    <dt>{words.uuid}</dt>
    <dd class="m brk">{uuid}</dd>
    <dt>{words.type}</dt>
    <dd>{words.kinds[osType] ?? osType}</dd>
    <dt>{words.hypervisor}</dt>
    <dd>{hypervisor}</dd>
    <dt>{words.path}</dt>
    <dd class="m brk">{path ?? words.transient}</dd>
    <dt>{words.runsAs}</dt>
    <dd>{id === undefined ? words.off : words.domain(id)}</dd>
  </dl>
);

export function OverviewPage(props: PageProps) {
  const { hardware, done } = props,
    document = hardware.xml.next;
  const is = titleIn(document ?? ''),
    draft = useSignal<string | undefined>(undefined),
    title = draft.value ?? is;
  const leave = (): void => {
    draft.value = undefined;
  };
  return (
    <>
      <About {...props} />
      {document !== undefined && (
        <Text
          id="dom-title"
          label={words.title}
          hint={hardware.path?.endsWith('.xml') || title === is ? words.titleHint : words.staysXl}
          value={title}
          put={to => {
            draft.value = to;
          }}
        />
      )}
      {document !== undefined && title.trim() !== is && (
        <Apply
          name={hardware.name}
          change={{ of: 'document', text: withTitle(document, title) }}
          impacts={['next']}
          act={words.apply}
          done={() => {
            leave();
            done();
          }}
          cancel={leave}
        />
      )}
    </>
  );
}

/** Two numbers, one at most the other, now and from the next start. */
function Amounts({
  hardware,
  done,
  id,
  labels,
  hint,
  now,
  next,
  canNow,
  changeOf,
}: PageProps & {
  id: string;
  canNow: boolean;
  labels: readonly [is: string, most: string];
  hint: string;
  now: readonly [is: number, most: number] | undefined;
  next: readonly [is: number, most: number] | undefined;
  changeOf(is: number, most: number): HardwareChange;
}) {
  const shown = next ?? now ?? [1, 1],
    draft = useSignal<readonly [string, string] | undefined>(undefined),
    [is, most] = draft.value ?? [String(shown[0]), String(shown[1])];
  const isChanged =
    Number(is) !== shown[0] || Number(most) !== shown[1] || (now !== undefined && now[0] !== Number(is));
  return (
    <>
      <p class="cap-t">{canNow ? hint : words.notNow}</p>
      {now && next && (
        <dl class="kv">
          <dt>{words.now}</dt>
          <dd>{`${now[0]}, ${labels[1]} ${now[1]}`}</dd>
          <dt>{words.next}</dt>
          <dd>{`${next[0]}, ${labels[1]} ${next[1]}`}</dd>
        </dl>
      )}
      <div class="two">
        <Text
          id={`${id}-is`}
          label={labels[0]}
          type="number"
          least={1}
          value={is}
          put={to => {
            draft.value = [to, Number(most) < Number(to) ? to : most];
          }}
        />
        <Text
          id={`${id}-most`}
          label={labels[1]}
          type="number"
          least={1}
          value={most}
          put={to => {
            draft.value = [is, to];
          }}
        />
      </div>
      {isChanged && (
        <Apply
          name={hardware.name}
          change={changeOf(Number(is), Number(most))}
          impacts={impactsOf(hardware, canNow)}
          act={words.apply}
          done={done}
          cancel={
            draft.value &&
            (() => {
              draft.value = undefined;
            })
          }
        />
      )}
    </>
  );
}

export function ProcessorsPage(props: PageProps) {
  const { now, next } = props.hardware;
  const of = (definition: typeof now): readonly [number, number] | undefined =>
    definition && [definition.vcpus, definition.maxVcpus ?? definition.vcpus];
  return (
    <Amounts
      {...props}
      id="cpus"
      canNow={props.hardware.canChangeNow.vcpus}
      labels={[words.online, words.most]}
      hint={words.cpusHint}
      now={of(now)}
      next={of(next)}
      changeOf={(count, most) => ({ of: 'vcpus', count, most })}
    />
  );
}

export function MemoryPage(props: PageProps) {
  const { now, next } = props.hardware;
  const of = (definition: typeof now): readonly [number, number] | undefined =>
    definition && [definition.memoryMiB, definition.maxMemoryMiB ?? definition.memoryMiB];
  return (
    <Amounts
      {...props}
      id="memory"
      canNow={props.hardware.canChangeNow.memory}
      labels={[words.memoryMib, words.mostMib]}
      hint={words.memoryHint}
      now={of(now)}
      next={of(next)}
      changeOf={(mib, mostMib) => ({ of: 'memory', mib, mostMib })}
    />
  );
}

/** What firmware tries, in order: those that are tried are first. */
export function BootPage({ hardware, done }: PageProps) {
  const { now, next } = hardware,
    { kernel, bootloader, bootOrder } = (next ?? now)!;
  const draft = useSignal<string | undefined>(undefined),
    order = draft.value ?? bootOrder;
  if (kernel) return <p>{words.bootKernel(kernel)}</p>;
  if (bootloader) return <p>{words.bootLoader(bootloader.program)}</p>;
  const rows = [...order, ...Object.keys(words.bootDevices).filter(letter => !order.includes(letter))];
  const move = (at: number, by: number): void => {
    const letters = [...order];
    letters.splice(at + by, 0, ...letters.splice(at, 1));
    draft.value = letters.join('');
  };
  return (
    <>
      <p>{words.bootOrder}</p>
      <ol class="order">
        {rows.map((letter, i) => {
          const name = words.bootDevices[letter]!,
            isTried = i < order.length;
          return (
            <li key={letter} class="row">
              <label class="auto grow">
                <input
                  type="checkbox"
                  checked={isTried}
                  onChange={() => {
                    draft.value = isTried ? order.replace(letter, '') : order + letter;
                  }}
                />
                {name}
              </label>
              <button
                type="button"
                class="btn icon sm"
                aria-label={words.up(name)}
                disabled={!isTried || i === 0}
                onClick={() => move(i, -1)}
              >
                ↑
              </button>
              <button
                type="button"
                class="btn icon sm"
                aria-label={words.down(name)}
                disabled={!isTried || i >= order.length - 1}
                onClick={() => move(i, 1)}
              >
                ↓
              </button>
            </li>
          );
        })}
      </ol>
      {order !== bootOrder && order !== '' && hardware.path !== undefined && (
        <Apply
          name={hardware.name}
          change={{ of: 'boot', order }}
          impacts={['next']}
          act={words.apply}
          done={done}
          cancel={() => {
            draft.value = undefined;
          }}
        />
      )}
    </>
  );
}
