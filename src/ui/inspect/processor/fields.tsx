/** Fields of the forms that ask for a linear address, and this many bytes there. */

export const words = {
  bytes: 'Bytes',
  count: (bytes: number) => `${bytes} bytes at`,
  notAddress:
    'A linear address has up to 16 hexadecimal digits and is canonical: up to 00007fffffffffff, or from ffff800000000000 on.',
};

export const Choice = ({
  label,
  value,
  options,
  choose,
}: {
  label: string;
  value: string | number;
  options: readonly (readonly [value: string | number, name: string])[];
  choose(value: string): void;
}) => (
  <select class="in" aria-label={label} value={value} onChange={event => choose(event.currentTarget.value)}>
    {options.map(([each, name]) => (
      <option key={each} value={each}>
        {name}
      </option>
    ))}
  </select>
);

export const BytesChoice = ({
  sizes,
  bytes,
  choose,
}: {
  sizes: readonly number[];
  bytes: number;
  choose(bytes: number): void;
}) => (
  <Choice
    label={words.bytes}
    value={bytes}
    options={sizes.map(size => [size, words.count(size)])}
    choose={value => choose(Number(value))}
  />
);

export const NumberText = ({
  label,
  example,
  text,
  onType,
}: {
  label: string;
  example: string;
  text: string;
  onType(text: string): void;
}) => (
  <input
    class="in m"
    aria-label={label}
    placeholder={example}
    value={text}
    spellcheck={false}
    autocomplete="off"
    onInput={event => onType(event.currentTarget.value)}
  />
);
