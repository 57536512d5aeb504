/**
 * What a guest writes to the hypervisor's console, by console_io or port 0xE9, as Xen prints it: whole lines of printable characters behind the domain's
 * number. Sources: guest_console_write() and guest_printk() in xen/drivers/char/console.c, hvm_print_line() in xen/arch/x86/hvm/hvm.c, common/ctype.c.
 */

/** DOMAIN_PBUF_SIZE less a newline and the end of the string: a longer line is cut. */
const MOST_BYTES = 198;
const NEWLINE = 10,
  TAB = 9;

/** Xen's isprint() follows ISO 8859-1. */
const isPrintable = (byte: number): boolean => (byte >= 0x20 && byte < 0x7f) || byte >= 0xa0 || byte === TAB;

export class GuestLog {
  private readonly head: Uint8Array;
  private readonly output: (line: Uint8Array) => void;
  private line: number[] = [];

  /** `output` gets each line with its newline. */
  constructor(domid: number, output: (line: Uint8Array) => void) {
    this.head = new TextEncoder().encode(`(d${domid}) `);
    this.output = output;
  }

  readonly put = (byte: number): void => {
    if (byte !== NEWLINE && isPrintable(byte)) this.line.push(byte);
    if (byte === NEWLINE || this.line.length === MOST_BYTES) this.print();
  };

  readonly write = (bytes: Uint8Array): void => bytes.forEach(this.put);

  /** What never became a line. */
  close(): void {
    if (this.line.length > 0) this.print();
  }

  private print(): void {
    this.output(Uint8Array.of(...this.head, ...this.line, NEWLINE));
    this.line = [];
  }
}
