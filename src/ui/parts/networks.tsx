/** Networks of the host as libvirt has them: bridge, NAT or isolated, with who is on each; made, changed, started and stopped in their places. */

import './edit.css';
import './networks.css';
import { useSignal } from '@preact/signals';
import type { NetworkFacts } from '../../dom0/service/index.ts';
import { host } from '../host.ts';
import { sentence } from '../sentence.ts';
import { useAskedAsTasksEnd } from './asked.ts';
import { Choice, Text } from './details/fields.tsx';
import { words as hardware } from './details/words.ts';
import { Icon, Problem } from './marks.tsx';

const words = {
  title: 'Networks',
  make: 'New network',
  active: 'active',
  inactive: 'not started',
  users: 'On it',
  noOne: 'no one',
  runs: 'runs',
  gives: (start: string, end: string) => `DHCP gives out ${start} to ${end}.`,
  givesNothing: 'No DHCP.',
  own: 'The host’s own: guests reach what it reaches. Cards are on it unless they say otherwise.',
  start: 'Start',
  stop: 'Stop',
  edit: 'Edit',
  remove: 'Delete',
  of: (act: string, name: string) => `${act} ${name}`,
  removeNow: (name: string) => `Delete ${name} now`,
  missed: (names: string) => `${names} would have no network.`,
  keep: 'Keep',
  cut: 'Cards on it are disconnected from then on, until their guests start again.',
  automatic: 'starts with the host',
  name: 'Name',
  mode: 'How guests get further',
  kinds: [
    ['nat', 'NAT: by the host’s gateway'],
    ['isolated', 'isolated: not at all'],
  ] as const,
  address: 'Address of the gateway',
  addressHint: 'with the length of its prefix, as 192.168.100.1/24; empty: guests give themselves addresses',
  first: 'DHCP from',
  last: 'to',
  rangeHint: 'empty: nothing is given out',
  apply: 'Apply',
  cancel: 'Cancel',
  later: 'It is active: it is changed when it is started next.',
  leases: 'Addresses given out',
  station: 'MAC address',
  ip: 'Address',
  host: 'Name',
};

interface Form {
  name: string;
  mode: string;
  address: string;
  first: string;
  last: string;
}
const NEW: Form = {
  name: 'inner',
  mode: 'nat',
  address: '192.168.100.1/24',
  first: '192.168.100.100',
  last: '192.168.100.200',
};

const wishOf = ({ name, mode, address, first, last }: Form) => ({
  name,
  mode: mode as 'isolated' | 'nat',
  address,
  ...(first || last ? { range: { start: first, end: last } } : {}),
});

export function Networks() {
  const networks = useSignal<readonly NetworkFacts[]>([]),
    problem = useSignal(''),
    asked = useSignal(0),
    isMaking = useSignal(false);
  useAskedAsTasksEnd(
    [asked.value],
    () => host.consult('networks'),
    seen => {
      networks.value = seen;
    },
    problem,
  );
  const look = (): void => void asked.value++;
  const taken = new Set(networks.value.map(({ name }) => name));
  let name = NEW.name;
  for (let n = 2; taken.has(name); n++) name = `${NEW.name}${n}`;
  return (
    <section>
      <div class="ph">
        <h3>
          <Icon name="bridge" /> {words.title}
        </h3>
        <span class="grow" />
        <button
          type="button"
          class="btn sm"
          aria-expanded={isMaking.value}
          onClick={() => {
            isMaking.value = !isMaking.value;
          }}
        >
          {words.make}
        </button>
      </div>
      {problem.value && <Problem>{problem.value}</Problem>}
      {isMaking.value && (
        <Edit
          is={{ ...NEW, name }}
          isNew
          done={() => {
            isMaking.value = false;
            look();
          }}
          cancel={() => {
            isMaking.value = false;
          }}
        />
      )}
      {networks.value.map(network => (
        <NetworkRow key={network.name} network={network} look={look} />
      ))}
    </section>
  );
}

function NetworkRow({ network, look }: { network: NetworkFacts; look(): void }) {
  const { name, mode, bridge, address, range, isActive, isOwn, users, leases } = network;
  const isEdited = useSignal(false);
  return (
    <div class="card">
      <div class="row wrap">
        <b class="m">{name}</b>
        <span>{hardware.modes[mode]}</span>
        <code class="sec">{[isOwn ? '' : bridge, address].filter(Boolean).join(' ')}</code>
        <span class="sec">{isActive ? words.active : words.inactive}</span>
        <span class="grow" />
        {!isOwn && (
          <Tools
            network={network}
            look={look}
            edit={() => {
              isEdited.value = true;
            }}
          />
        )}
      </div>
      <p class="cap-t">
        {isOwn ? words.own : range ? words.gives(range.start, range.end) : words.givesNothing} {words.users}:{' '}
        {users.map(user => `${user.name}${user.runs ? ` (${words.runs})` : ''}`).join(', ') || words.noOne}.
      </p>
      {isEdited.value && (
        <Edit
          is={{ name, mode, address, first: range?.start ?? '', last: range?.end ?? '' }}
          note={isActive ? words.later : undefined}
          done={() => {
            isEdited.value = false;
            look();
          }}
          cancel={() => {
            isEdited.value = false;
          }}
        />
      )}
      {leases.length > 0 && (
        <table class="pad">
          <caption class="cap-t">{words.leases}</caption>
          <thead>
            <tr>
              <th>{words.station}</th>
              <th>{words.ip}</th>
              <th>{words.host}</th>
            </tr>
          </thead>
          <tbody>
            {leases.map(lease => (
              <tr key={lease.mac}>
                <td class="m">{lease.mac}</td>
                <td class="m">{lease.address}</td>
                <td>{lease.name ?? '-'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

/** What can be done with a network. Each names the command that it is. */
function Tools({ network, look, edit }: { network: NetworkFacts; look(): void; edit(): void }) {
  const { name, isActive, isPersistent, isAutomatic, users } = network;
  const problem = useSignal(''),
    sure = useSignal(false);
  const run = (work: Promise<void>): void => {
    problem.value = '';
    sure.value = false;
    work.then(look, error => {
      problem.value = sentence(error);
      look();
    });
  };
  const remove = async (): Promise<void> => {
    if (isActive) await host.manage('stopNetwork', name);
    if (isPersistent) await host.manage('undefineNetwork', name);
  };
  const removes = [...(isActive ? [`virsh net-destroy ${name}`] : []), `virsh net-undefine ${name}`].join('; ');
  const button = (act: string, command: string, onClick: () => void) => (
    <button type="button" class="btn quiet sm" aria-label={words.of(act, name)} title={command} onClick={onClick}>
      {act}
    </button>
  );
  if (sure.value)
    return (
      <span class="row wrap">
        {users.length > 0 && <span class="say">{words.missed(users.map(user => user.name).join(', '))}</span>}
        <button type="button" class="btn sm" title={removes} onClick={() => run(remove())}>
          {words.removeNow(name)}
        </button>
        <button
          type="button"
          class="btn quiet sm"
          onClick={() => {
            sure.value = false;
          }}
        >
          {words.keep}
        </button>
      </span>
    );
  return (
    <>
      {problem.value && <Problem>{problem.value}</Problem>}
      {isPersistent && (
        <label class="auto" title={`virsh net-autostart ${name}${isAutomatic ? ' --disable' : ''}`}>
          <input
            type="checkbox"
            checked={isAutomatic}
            onChange={event => run(host.manage('autostartNetwork', name, event.currentTarget.checked))}
          />
          {words.automatic}
        </label>
      )}
      {isActive
        ? button(words.stop, `virsh net-destroy ${name}. ${words.cut}`, () => run(host.manage('stopNetwork', name)))
        : button(words.start, `virsh net-start ${name}`, () => run(host.manage('startNetwork', name)))}
      {button(words.edit, `virsh net-define ${name}.xml`, edit)}
      {button(words.remove, removes, () => {
        sure.value = true;
      })}
    </>
  );
}

/** Its document, asked again as the form changes. */
function useXml(form: Form): { xml: string; problem: string } {
  const xml = useSignal(''),
    problem = useSignal('');
  useAskedAsTasksEnd(
    [JSON.stringify(form)],
    () => host.consult('networkXml', wishOf(form)),
    told => {
      xml.value = told;
      problem.value = '';
    },
    problem,
  );
  return { xml: xml.value, problem: problem.value };
}

/** A network to be, with the command that makes it and its document. */
function Edit({
  is,
  isNew = false,
  note,
  done,
  cancel,
}: {
  is: Form;
  isNew?: boolean;
  note?: string | undefined;
  done(): void;
  cancel(): void;
}) {
  const form = useSignal(is),
    refused = useSignal(''),
    value = form.value;
  const { xml, problem } = useXml(value);
  const put = (changes: Partial<Form>): void => {
    refused.value = '';
    form.value = { ...value, ...changes };
  };
  const field = (of: keyof Form, label: string, hint?: string) => (
    <Text
      id={`net-${is.name}-${of}`}
      label={label}
      {...(hint ? { hint } : {})}
      value={value[of]}
      put={to => put({ [of]: to.trim() })}
    />
  );
  const apply = async (): Promise<void> => {
    try {
      await host.manage('defineNetwork', wishOf(value));
      if (isNew) await host.manage('startNetwork', value.name);
      done();
    } catch (error) {
      refused.value = sentence(error);
    }
  };
  const commands = [`virsh net-define ${value.name}.xml`, ...(isNew ? [`virsh net-start ${value.name}`] : [])];
  const why = problem || refused.value;
  return (
    <div class="net-f">
      {isNew && field('name', words.name)}
      <Choice
        id={`net-${is.name}-mode`}
        label={words.mode}
        value={value.mode}
        of={words.kinds}
        put={mode => put({ mode })}
      />
      {field('address', words.address, words.addressHint)}
      {field('first', words.first, words.rangeHint)}
      {field('last', words.last)}
      {note && <p class="cap-t">{note}</p>}
      <pre class="code" tabIndex={0}>{`${commands.join('\n')}\n\n${xml}`}</pre>
      {why && <Problem>{why}</Problem>}
      <div class="row">
        <button type="button" class="btn" disabled={problem !== ''} onClick={() => void apply()}>
          {words.apply}
        </button>
        <button type="button" class="btn quiet" onClick={cancel}>
          {words.cancel}
        </button>
      </div>
    </div>
  );
}
