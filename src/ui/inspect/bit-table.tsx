/** Bits of a word, a row each: which they are, their value, what they say. */

/** `look`: a class of the row, `out` for what is off, `badr` for what is in the way. */
export function BitTable({
  rows,
  look = () => '',
}: {
  rows: readonly (readonly [bits: string, value: string, says: string])[];
  look?: (bits: string, value: string) => string;
}) {
  return (
    <table class="bitst">
      <tbody>
        {rows.map(([bits, value, says]) => (
          <tr key={bits} class={look(bits, value)}>
            <td class="m">{bits}</td>
            <td class="m b">{value}</td>
            <td class="sec">{says}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Bits that are 0 are dimmed. */
export const zerosOut = (_bits: string, value: string): string => (value === '0' ? 'out' : '');
