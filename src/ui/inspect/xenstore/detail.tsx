/** One node: its value, which can be written, who may do what with it, who watches it, and its last writes. */

import { useSignal } from '@preact/signals';
import { host, nameOf } from '../../host.ts';
import { sentence } from '../../sentence.ts';
import { Chip, ownerClass } from '../../parts/marks.tsx';
import type { Shown } from '../inspector.ts';
import { chosenPath, type Data, isState, type Row, watchersOf } from './facts.ts';
import { shownValue } from './value.tsx';
import { clock, words } from './words.ts';
import { XENBUS_STATES } from '../../xenbus-states.ts';

export function Detail(shown: Shown<Data>) {
  const { data } = shown,
    chosen = chosenPath(shown),
    node = data.nodes.find(({ path }) => path === chosen);
  if (!node) return <p class="hint">{words.choose}</p>;
  const last = node.writes.at(-1);
  return (
    <>
      <h3 class="m path-t">{node.path}</h3>
      {last && (
        <p class="sec">
          {words.by} <b class={`dom ${ownerClass(last.by)}`}>{nameOf(last.by)}</b> at {clock(last.ms)}
        </p>
      )}
      <dl class="kv">
        <dt>{words.value}</dt>
        <dd>{shownValue(node)}</dd>
        <dt>{words.length}</dt>
        <dd>{words.bytes(node.bytes)}</dd>
        <dt>{words.generation}</dt>
        <dd>{node.generation}</dd>
      </dl>
      <Write key={node.path} path={node.path} />
      <Permissions permissions={node.permissions} />
      <Watchers node={node} watches={data.watches} />
      {last && <Writes writes={node.writes} />}
      {isState(node.path) && (
        <section>
          <h4>{words.states}</h4>
          <p class="sec small">
            {XENBUS_STATES.map((name, i) => `${i} ${name}`).join(', ')}. {words.statesAre}
          </p>
        </section>
      )}
    </>
  );
}

/** A refusal is below the field, which keeps what was written. */
function Write({ path }: { path: string }) {
  const problem = useSignal('');
  const write = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    try {
      await host['store-write'](path, String(new FormData(form).get('value') ?? ''));
      problem.value = '';
      form.reset();
    } catch (error) {
      problem.value = sentence(error);
    }
  };
  return (
    <form title={words.writeHint} onSubmit={event => void write(event)}>
      <p class="row">
        <input
          class="in s grow"
          name="value"
          autocomplete="off"
          spellcheck={false}
          aria-label={words.newValue}
          placeholder={words.newValue}
        />
        <button class="btn sm">{words.write}</button>
      </p>
      {problem.value && (
        <p class="stop" role="alert">
          {problem.value}
        </p>
      )}
    </form>
  );
}

/** The first entry names the owner, and what everybody else may do. */
function Permissions({ permissions }: { permissions: string }) {
  const [owner, ...others] = permissions.split(',');
  return (
    <section>
      <h4>
        {words.permissions} {permissions}
      </h4>
      <table class="bitst">
        <tbody>
          <tr>
            <td class="m b">{owner}</td>
            <td class="sec">
              {words.owner(nameOf(Number(owner!.slice(1))))}; {words.others}: {words.rights[owner![0]!]}
            </td>
          </tr>
          {others.map(each => (
            <tr key={each}>
              <td class="m b">{each}</td>
              <td class="sec">
                {nameOf(Number(each.slice(1)))}: {words.rights[each[0]!]}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Watchers({ node, watches }: { node: Row; watches: Data['watches'] }) {
  const watchers = watchersOf(node.path, watches);
  return (
    <section>
      <h4>{words.watches}</h4>
      {watchers.length === 0 ? (
        <p class="sec">{words.noWatch}</p>
      ) : (
        <table class="bitst">
          <tbody>
            {watchers.map(({ domid, path }, i) => {
              const fired = node.writes.reduce(
                (sum, { heard }) => sum + (heard.some(each => each.domid === domid) ? 1 : 0),
                0,
              );
              return (
                <tr key={i}>
                  <td>
                    <Chip id={domid} /> {nameOf(domid)}
                    {path !== node.path && <span class="m dim"> {words.on(path)}</span>}
                  </td>
                  <td class="num m nw">{fired > 0 ? words.heard(fired) : words.quiet}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** The newest first. */
const Writes = ({ writes }: Pick<Row, 'writes'>) => (
  <section>
    <h4>{words.writes}</h4>
    <table class="bitst">
      <tbody>
        {[...writes.keys()].reverse().map(i => {
          const { ms, value, by, heard } = writes[i]!,
            before = writes[i - 1]?.value;
          return (
            <tr key={i}>
              <td class="m nw">{clock(ms)}</td>
              <td class="m v">{before === undefined ? value : `${before} → ${value}`}</td>
              <td class="sec">
                {nameOf(by)}
                {heard.length > 0 && `, ${words.wakes(heard.map(({ domid }) => nameOf(domid)).join(', '))}`}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  </section>
);
