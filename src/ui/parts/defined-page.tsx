/** A domain that is defined and does not run: what it asks for, what stops it, and its start. */

import { definedActions } from '../actions.ts';
import { domains } from '../host.ts';
import { inventory, openState } from '../inventory.ts';
import { deleting, go, KEEP_SECONDS } from '../state.ts';
import { strings } from '../strings.ts';
import { ModeBadge, StateMark, Tag } from './marks.tsx';

const words = strings.defined;

export function DefinedPage({ name }: { name: string }) {
  const stored = inventory.value?.stored;
  if (!stored) return <div class="body"><p>{words.notOpen} <button class="btn sm" onClick={openState}>{strings.hostPage.open}</button></p></div>;
  const domain = stored.defined.find(each => each.name === name);
  if (!domain) {
    // It was started elsewhere, a shell say.
    const running = domains.value.find(each => each.name === name);
    return <div class="body"><p>{words.gone(name)}</p>{running && <p><button class="btn" onClick={() => go({ kind: 'domain', id: running.id })}>{strings.actions.open(name)}</button></p>}</div>;
  }
  const [, ...actions] = definedActions(domain), leaves = deleting.value.has(name);
  return <>
    <div class="bh"><div class="row"><h2><StateMark state="-" />{name}</h2><ModeBadge type={domain.type} /><span class="sec meta">{words.facts(domain.memoryMiB, domain.vcpus)}</span></div>
      <div class="row wrap tools" role="toolbar" aria-label={name}>
        {leaves && <><span class="say" role="alert">{words.leaving(name, KEEP_SECONDS)}</span><span class="grow" /></>}
        {actions.map((action, i) => <button key={action.name} class={`btn${i === 0 && (leaves || domain.errors.length === 0) ? ' primary' : ''}`} title={action.command} onClick={action.run}>{action.name}</button>)}
      </div></div>
    <div class="body">
      <dl class="kv"><dt>{words.file}</dt><dd>{domain.path}</dd></dl>
      {domain.errors.length > 0
        ? <section><h3>{words.errors}</h3><ul>{domain.errors.map(error => <li key={error} class="stop"><Tag kind="error"><span>{error}</span></Tag></li>)}</ul></section>
        : <p class="sec">{words.none}</p>}
      <p class="cap-t">{words.edit}</p>
    </div>
  </>;
}
