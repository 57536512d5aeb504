/** What a guest has, and what can be changed while it runs: processor, memory, disks, network cards. Each control shows the xl command that it is. */

import { commandOf } from '../../../dom0/toolstack/hypervisors/command/index.ts';
import { useSignal } from '@preact/signals';
import type { GuestFacts } from '../../../dom0/service/index.ts';
import type { Status } from '../../../dom0/toolstack/index.ts';
import { asTask, host } from '../../host.ts';
import { look } from '../../inventory.ts';
import type { DomainSession } from '../../sessions.ts';
import { duration, strings } from '../../strings.ts';
import { useFacts } from '../guest-facts.ts';
import { TagsField, tagWords } from '../tags.tsx';
import { Notes } from '../typed.tsx';
import { Address } from './address.tsx';
import { Cards } from './cards.tsx';
import { type Act, Live } from './controls.tsx';
import { Disks } from './disks.tsx';
import { words } from './words.ts';

/** As definitions have it (TAGS_URI of src/dom0/definitions). */
const TAGS_URI = 'urn:ringside:tags';

export function GuestOverview({ session }: { session: DomainSession }) {
  const asked = useSignal(0),
    seen = useFacts(session, asked.value),
    off = session.over;
  if (session.gone.value)
    return (
      <div class="body">
        <p class="hint">{words.gone}</p>
      </div>
    );
  if (!seen) return <div class="body" />;
  const { name } = session.info.value,
    { id } = session;
  const act: Act = (command, work) =>
    void asTask(command, work).then(() => {
      asked.value++;
    });
  const part = session.rates.value?.running,
    whose = { name, id, act, off };
  return (
    <div class="body gov">
      <About seen={seen} status={session.info.value.status} name={name} act={act} off={off} />
      <Processor
        seen={seen}
        share={part !== undefined && !off ? words.share(`${Math.round(100 * part)} %`) : ''}
        {...whose}
      />
      <section>
        <div class="ph">
          <h3>{words.memory}</h3>
        </div>
        <Live
          label={words.target}
          value={seen.memoryMiB}
          least={1}
          most={seen.mostMiB ?? seen.memoryMiB}
          command={to => commandOf('mem-set', name, { memoryMiB: to })}
          run={to => host['mem-set'](id, to)}
          act={act}
          off={off || seen.mostMiB === undefined}
          unit={words.mib}
          hint={seen.mostMiB === undefined ? words.fixed : words.memoryHint(seen.mostMiB)}
        />
      </section>
      <Disks drives={seen.drives} attaches={seen.attaches} process={seen.process} {...whose} />
      <Cards seen={seen} {...whose} />
    </div>
  );
}

const Tags = ({ tags, name, act }: { tags: readonly string[]; name: string; act: Act }) => (
  <div class="fld">
    <label for="guest-tags">{tagWords.name}</label>
    <TagsField
      id="guest-tags"
      tags={tags}
      commit={next =>
        act(`virsh metadata ${name} ${TAGS_URI}`, async () => {
          await host.manage('tags', name, next);
          await look();
        })
      }
    />
    <span class="cap-t">
      {words.tagsHint}{' '}
      <code>
        virsh metadata {name} {TAGS_URI} --key ringside --set '…'
      </code>
    </span>
  </div>
);

/** For how long it is up, under which addresses, and what somebody has noted of it. */
const About = ({
  seen,
  status,
  name,
  act,
  off,
}: {
  seen: GuestFacts;
  status: Status | undefined;
  name: string;
  act: Act;
  off: boolean;
}) => (
  <section class="about">
    <dl class="kv">
      {status && (
        <>
          <dt>{words.state}</dt>
          <dd>
            {status.state}
            {status.reason !== 'unknown' && ` (${status.reason})`}
          </dd>
        </>
      )}
      <dt>{words.up}</dt>
      <dd>{off ? strings.tree.noData : duration(seen.upSeconds)}</dd>
      <dt>{words.address}</dt>
      <dd>
        {seen.addresses.length === 0 ? (
          <span class="sec">{words.noAddress}</span>
        ) : (
          seen.addresses.map(({ port, address, source }) => (
            <Address key={port} address={address} from={words.sources[source](port)} />
          ))
        )}
      </dd>
      <dt>{words.uuid}</dt>
      <dd>
        <Address address={seen.uuid} from={words.copyUuid} />
      </dd>
      <dt>{words.boot}</dt>
      <dd>
        {seen.bootOrder === undefined
          ? words.bootKernel
          : [...seen.bootOrder].map(letter => words.bootDevices[letter] ?? letter).join(', ')}
      </dd>
      {seen.process && (
        <>
          <dt>{words.process}</dt>
          <dd>
            {words.pid(seen.process.pid)}
            <details>
              <summary>{words.commandLine}</summary>
              <pre class="code">{seen.process.command}</pre>
            </details>
          </dd>
        </>
      )}
    </dl>
    <Tags tags={seen.tags} name={name} act={act} />
    <div class="fld">
      <label for="guest-notes">{words.notes}</label>
      <Notes
        id="guest-notes"
        placeholder={words.notesHint}
        value={seen.description}
        commit={text => act(`virsh desc ${name}`, () => host.setDescription(name, text))}
      />
      <span class="cap-t">
        {seen.isDefined ? words.notesKept : words.notesGo} <code>virsh desc {name} '…'</code>
      </span>
    </div>
  </section>
);

/** `share`: what it had of the last second, in words. */
const Processor = ({
  seen,
  share,
  name,
  id,
  act,
  off,
}: {
  seen: GuestFacts;
  share: string;
  name: string;
  id: number;
  act: Act;
  off: boolean;
}) => (
  <section>
    <div class="ph">
      <h3>{words.cpu}</h3>
      <span class="sec">{share}</span>
    </div>
    <Live
      label={words.weight}
      value={seen.weight}
      least={1}
      most={1024}
      top={65535}
      command={to => commandOf('sched-credit', name, { weight: to })}
      run={to => host['sched-credit']({ domain: id, weight: to })}
      act={act}
      off={off}
      hint={words.weightHint}
    />
    <Live
      label={words.cap}
      value={seen.cap}
      least={0}
      most={100 * seen.vcpus.most}
      command={to => commandOf('sched-credit', name, { cap: to })}
      run={to => host['sched-credit']({ domain: id, cap: to })}
      act={act}
      off={off}
      unit="%"
      zero={words.none}
      hint={words.capHint}
    />
    <Live
      label={words.vcpus}
      value={seen.vcpus.online}
      least={1}
      most={seen.vcpus.most}
      command={to => commandOf('vcpu-set', name, { vcpus: to })}
      run={to => host['vcpu-set'](id, to)}
      act={act}
      off={off || !seen.vcpus.canChange || seen.vcpus.most === 1}
      hint={
        !seen.vcpus.canChange
          ? words.fixedVcpus
          : seen.vcpus.most === 1
            ? words.oneVcpu
            : words.vcpusHint(seen.vcpus.most)
      }
    />
  </section>
);
