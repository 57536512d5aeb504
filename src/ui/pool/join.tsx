/** A host alone: how it becomes one of several. */
import { type Signal, useSignal } from '@preact/signals';
import type { Role } from '../../dom0/service/index.ts';
import { host } from '../host.ts';
import { Problem } from '../parts/marks.tsx';
import { act, addressOf, givenCode, problem } from './pool.ts';
import { words } from './words.ts';

export function Join() {
  const typed = useSignal(givenCode()),
    name = useSignal(''),
    role = useSignal<Role>('member'),
    isBusy = useSignal(false);
  const join = async (address: string): Promise<void> => {
    isBusy.value = true;
    await act(() => host.pool('join', address, name.peek().trim() || undefined, role.peek()));
    isBusy.value = false;
  };
  return (
    <section class="pjoin">
      <p>
        {words.alone} {words.what}
      </p>
      <form
        class="row wrap"
        onSubmit={event => {
          event.preventDefault();
          void join(addressOf(typed.peek().trim()));
        }}
      >
        <label>
          {words.address}
          <input
            class="in"
            value={typed.value}
            spellcheck={false}
            autocomplete="off"
            aria-describedby="pool-address-hint"
            onInput={event => {
              typed.value = event.currentTarget.value;
            }}
          />
        </label>
        <label>
          {words.name}
          <input
            class="in"
            value={name.value}
            placeholder={words.nameHint}
            spellcheck={false}
            autocomplete="off"
            onInput={event => {
              name.value = event.currentTarget.value;
            }}
          />
        </label>
        <RoleField role={role} />
        <button class="btn primary" disabled={isBusy.value || typed.value.trim() === ''}>
          {words.join}
        </button>
      </form>
      <p class="cap-t" id="pool-address-hint">
        {words.addressHint}
      </p>
      <p class="row wrap">
        <button class="btn" disabled={isBusy.value} title="pool join tabs" onClick={() => void join('tabs')}>
          {words.tabs}
        </button>
        <span class="cap-t">{words.tabsHint}</span>
      </p>
      <p class="cap-t">
        {words.hub} <code>{words.hubCommand}</code>
      </p>
      <p class="cap-t" role="status">
        {isBusy.value && words.joining}
      </p>
      {problem.value && <Problem>{problem.value}</Problem>}
    </section>
  );
}

function RoleField({ role }: { role: Signal<Role> }) {
  return (
    <label>
      {words.role}
      <select
        class="in"
        value={role.value}
        onChange={event => {
          role.value = event.currentTarget.value as Role;
        }}
      >
        {Object.entries(words.roles).map(([each, what]) => (
          <option key={each} value={each}>
            {what}
          </option>
        ))}
      </select>
    </label>
  );
}
