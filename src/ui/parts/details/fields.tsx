/** Fields of the pages of devices. */

import type { ComponentChildren } from 'preact';
import { words } from './words.ts';

export const Field = ({
  id,
  label,
  hint,
  children,
}: {
  id: string;
  label: string;
  hint?: string;
  children: ComponentChildren;
}) => (
  <div class="fld">
    <label for={id}>{label}</label>
    {children}
    {hint && <span class="cap-t">{hint}</span>}
  </div>
);

/** A text or number that is written. */
export const Text = ({
  id,
  label,
  hint,
  value,
  put,
  list,
  type = 'text',
  least,
}: {
  id: string;
  label: string;
  hint?: string;
  value: string | number;
  put(value: string): void;
  list?: string;
  type?: 'text' | 'number';
  least?: number;
}) => (
  <Field id={id} label={label} {...(hint ? { hint } : {})}>
    <input
      id={id}
      class="in"
      type={type}
      {...(least === undefined ? {} : { min: least })}
      {...(list ? { list } : {})}
      value={value}
      spellcheck={false}
      autocomplete="off"
      onInput={event => put(event.currentTarget.value)}
    />
  </Field>
);

/** One of some. */
export const Choice = ({
  id,
  label,
  value,
  of,
  put,
}: {
  id: string;
  label: string;
  value: string;
  of: readonly (readonly [value: string, name: string])[];
  put(value: string): void;
}) => (
  <Field id={id} label={label}>
    <select id={id} class="in" value={value} onChange={event => put(event.currentTarget.value)}>
      {of.map(([each, name]) => (
        <option key={each} value={each}>
          {name}
        </option>
      ))}
    </select>
  </Field>
);

/** A device's element. `put` absent: it is only read. */
export const XmlField = ({
  id,
  label,
  value,
  put,
}: {
  id: string;
  label: string;
  value: string;
  put?: ((value: string) => void) | undefined;
}) => (
  <Field id={id} label={label} hint={words.xmlHint}>
    <textarea
      id={id}
      class="in xml"
      rows={Math.min(20, value.split('\n').length + 1)}
      spellcheck={false}
      wrap="off"
      readOnly={!put}
      value={value}
      onInput={event => put?.(event.currentTarget.value)}
    />
  </Field>
);
