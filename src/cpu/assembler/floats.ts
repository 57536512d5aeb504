/** Decimal numbers with a point as the bytes of dd, dq, dt and dw, rounded to the nearest. Source: IEEE 754-2019, 3.4; SDM vol. 1, table 4-2 (80 bits). */
import { Mistake } from './lexer.ts';

/** Digits of the significand in bits and width of the exponent, by bytes. */
const FORMATS: Record<number, readonly [precision: number, exponent: number]> = {
  2: [11, 5],
  4: [24, 8],
  8: [53, 11],
  10: [64, 15],
};
const MOST_DIGITS = 1000,
  MOST_EXPONENT = 6000;

/** The bits of `text` (digits, a point, an exponent) in `width` bytes. */
export function floatBits(text: string, negative: boolean, width: number, column: number): bigint {
  const format = FORMATS[width];
  if (!format) throw new Mistake('a number with a point has no form of this width: write dd, dq or dt', column);
  const [, whole = '', fraction = '', power = '0'] = /^(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(
    text.replaceAll('_', ''),
  )!;
  if (whole.length + fraction.length > MOST_DIGITS || Math.abs(Number(power)) > MOST_EXPONENT) {
    throw new Mistake(
      `${text.slice(0, 20)}… is longer than any number here needs: at most ${MOST_DIGITS} digits and an exponent up to ${MOST_EXPONENT}`,
      column,
    );
  }
  const ten = Number(power) - fraction.length;
  const numerator = BigInt(whole + fraction) * (ten > 0 ? 10n ** BigInt(ten) : 1n);
  return (
    (negative ? 1n << BigInt(width * 8 - 1) : 0n) |
    magnitude(numerator, ten < 0 ? 10n ** BigInt(-ten) : 1n, format, width === 10, column)
  );
}

function magnitude(
  numerator: bigint,
  denominator: bigint,
  [precision, width]: readonly [number, number],
  explicit: boolean,
  column: number,
): bigint {
  if (numerator === 0n) return 0n;
  const bias = 2 ** (width - 1) - 1;
  const bits = (value: bigint): number => value.toString(2).length;
  // Exponent of the significand's last bit: so that it has `precision` bits, or fewer where the number is too small for that.
  let last = bits(numerator) - bits(denominator) - precision;
  const scaled = (): [bigint, bigint] =>
    last < 0 ? [numerator << BigInt(-last), denominator] : [numerator, denominator << BigInt(last)];
  if (bits(quotient(scaled())) < precision) last--;
  if (bits(quotient(scaled())) > precision) last++;
  last = Math.max(last, 2 - bias - precision);
  const [top, bottom] = scaled();
  let significand = top / bottom;
  const twice = (top % bottom) * 2n;
  if (twice > bottom || (twice === bottom && (significand & 1n) === 1n)) significand++;
  if (bits(significand) > precision) {
    significand >>= 1n;
    last++;
  }
  const normal = bits(significand) === precision;
  const exponent = normal ? last + precision - 1 + bias : 0;
  if (exponent >= 2 * bias + 1) throw new Mistake('the number is too great for this width: write dq or dt', column);
  const field = explicit ? precision : precision - 1;
  return (BigInt(exponent) << BigInt(field)) | BigInt.asUintN(field, significand);
}

const quotient = ([top, bottom]: readonly [bigint, bigint]): bigint => top / bottom;
