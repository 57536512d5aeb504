/** Before there is a request: where one will pass, and what makes one. */

import { useSignal } from '@preact/signals';
import type { DomainSession } from '../../sessions.ts';
import { ofHost, type OfEach } from '../../hypervisors/of-host.ts';
import { ownerOf } from './facts.ts';
import { words } from './words.ts';

interface Path {
  name: string;
  /** Kinds of guests that have it. */
  types: readonly string[];
  places: readonly (readonly [place: string, what: string])[];
}
/** From the guest's sectors to the place in the host's file, and back. */
const ON_DISK: Path['places'] = [
  ['guest disk', 'sectors of the guest'],
  ['volume', 'an extent'],
  ['partition', 'sectors of it'],
  ['controller', 'a command'],
  ['disk', 'sectors of the host'],
  ['stored', 'a place in the file'],
  ['answer', 'back to the guest'],
];
/** The places of a request in their order, before one has passed them. */
const PATHS: OfEach<readonly Path[]> = {
  xen: [
    {
      name: 'A write to a paravirtual disk',
      types: ['hvm', 'pv', 'pvh'],
      places: [
        ['exit', 'an event announces it'],
        ['front end', 'a slot of its ring'],
        ['back end', 'takes it from there'],
        ...ON_DISK,
      ],
    },
    {
      name: 'A write to an emulated drive',
      types: ['hvm'],
      places: [['exit', 'an access to a port'], ['device model', 'the drive’s registers'], ...ON_DISK],
    },
    {
      name: 'A packet that it sends',
      types: ['hvm', 'pv', 'pvh'],
      places: [
        ['exit', 'an event announces it'],
        ['front end', 'a slot of its ring'],
        ['back end', 'from the guest'],
        ['bridge', 'in by its port'],
        ['bridge', 'out by another'],
      ],
    },
    {
      name: 'A packet that it gets',
      types: ['hvm', 'pv', 'pvh'],
      places: [
        ['bridge', 'in by a port'],
        ['bridge', 'out by its own'],
        ['back end', 'to the guest'],
        ['front end', 'a slot of its ring'],
      ],
    },
  ],
  kvm: [
    {
      name: 'A write to a virtio disk',
      types: ['hvm'],
      places: [
        ['virtqueue', 'a chain of descriptors'],
        ['exit', 'a write to the notify register'],
        ['device model', 'takes the chain'],
        ...ON_DISK,
      ],
    },
    {
      name: 'A write to an emulated drive',
      types: ['hvm'],
      places: [['exit', 'an access to a port'], ['device model', 'the drive’s registers'], ...ON_DISK],
    },
    {
      name: 'A packet that it sends',
      types: ['hvm'],
      places: [
        ['virtqueue', 'a chain of descriptors'],
        ['exit', 'a write to the notify register'],
        ['card', 'takes the packet'],
        ['bridge', 'in by its port'],
        ['bridge', 'out by another'],
      ],
    },
    {
      name: 'A packet that it gets',
      types: ['hvm'],
      places: [
        ['bridge', 'in by a port'],
        ['bridge', 'out by its own'],
      ],
    },
  ],
};
/** The paths that requests of such a guest take. */
export const placesOf = (type: string): readonly Path[] => ofHost(PATHS).filter(({ types }) => types.includes(type));

/** What makes a request, by the prompt that it is typed at. The gateway's address: docs/network.md. */
const MAKERS: readonly { prompt: RegExp; at: string; line: string; makes: string }[] = [
  { prompt: /minipv> *$/, at: 'minipv', line: 'dhcp', makes: 'asks the network for an address: packets' },
  { prompt: /[#$] *$/, at: 'Linux', line: 'ping -c 1 10.0.2.2', makes: 'packets to the gateway and back' },
  {
    prompt: /[#$] *$/,
    at: 'Linux',
    line: 'echo 1 > /proc/sys/vm/drop_caches; ls / > /dev/null',
    makes: 'reads from its disk what was kept in memory',
  },
];

export function Empty({ session }: { session: DomainSession }) {
  const line = useSignal(''),
    sent = useSignal('');
  const { id, type } = session.info.value,
    prompt = session.terminal.lines().findLast(each => each.trim() !== '') ?? '';
  const known = MAKERS.filter(maker => maker.prompt.test(prompt));
  const send = (text: string): void => {
    if (text === '' || session.over) return;
    session.terminal.type(`${text}\r`);
    sent.value = text;
  };
  return (
    <div class="col iop">
      <div>
        <h3>{words.title}</h3>
        <p class="sec">{words.waits}</p>
      </div>
      {placesOf(type).map(({ name, places }) => (
        <section key={name}>
          <h4>{name}</h4>
          <ol class="stations">
            {places.map(([place, what], i) => (
              <li key={i} class={ownerOf(place, id)}>
                <b>{place}</b>
                <span>{what}</span>
              </li>
            ))}
          </ol>
        </section>
      ))}
      <section>
        <h3>{words.make}</h3>
        <ul class="makers">
          {(known.length > 0 ? known : MAKERS).map(({ at, line: text, makes }, i) => (
            <li key={text}>
              <button class={`btn${i === 0 && known.length > 0 ? ' primary' : ''}`} onClick={() => send(text)}>
                {words.send}
              </button>
              <code>{text}</code>
              <span class="sec">
                {at}: {makes}
              </span>
            </li>
          ))}
          <li>
            <form
              class="row"
              onSubmit={event => {
                event.preventDefault();
                send(line.value.trim());
                line.value = '';
              }}
            >
              <button class="btn" type="submit">
                {words.send}
              </button>
              <input
                class="in"
                aria-label={words.line}
                placeholder={words.line}
                value={line.value}
                onInput={event => {
                  line.value = event.currentTarget.value;
                }}
              />
            </form>
          </li>
        </ul>
        {sent.value && (
          <p class="cap-t" role="status">
            {words.sent(sent.value)}
          </p>
        )}
      </section>
    </div>
  );
}
