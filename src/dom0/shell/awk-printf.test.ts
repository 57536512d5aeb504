import { describe, expect, it } from 'vitest';
import { withWholeNumbers } from './awk-printf.ts';

describe('whole numbers of awk’s printf', () => {
  it.each([
    ['{printf "%d\\n", $1}', '{printf "%d\\n", INT( $1)}'],
    [
      '{printf("%s %5d|%-3x\\n", $1, $2 / 3, f($3, 4)) > "out"}',
      '{printf("%s %5d|%-3x\\n", $1, INT( $2 / 3), INT( f($3, 4))) > "out"}',
    ],
    ['{x = sprintf("%d%%", a[1, 2])}', '{x = sprintf("%d%%", INT( a[1, 2]))}'],
    [
      '/printf "%d", x/ {printf "%d", sprintf("%d", 3) # "%d", y\n}',
      '/printf "%d", x/ {printf "%d", INT( sprintf("%d", INT( 3)) # "%d", y)\n}',
    ],
    [
      '{printf f, $1; printf "%*d", 3, $1; printf "a"; print "printf"}',
      '{printf f, $1; printf "%*d", 3, $1; printf "a"; print "printf"}',
    ],
    ['{x = int(y) + int (z) + print_int(3) # int(4)', '{x = INT(y) + INT (z) + print_int(3) # int(4)'],
    ['{printf "%d", "a', '{printf "%d", "a'],
  ])('%s', (program, right) => {
    const written = withWholeNumbers(program);
    expect(written.replace(/\nfunction ringside_truncated.*/s, '').replaceAll('ringside_truncated', 'INT')).toBe(right);
  });
});
