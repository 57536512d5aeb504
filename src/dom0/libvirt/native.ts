/** Definitions in other languages than libvirt's. Sources: xenParseXL() and its like of libvirt's src/libxl; qemuConnectDomainXMLToNative(). */
import {
  formatFinding,
  isFault,
  judgeDefinition,
  notCarried,
  otherKeys,
  others,
  parseXlConfig,
  prepareToRead,
  writeSxp,
  writeXlConfig,
  writeXml,
} from '../definitions/config/index.ts';
import { inXml } from '../definitions/config/xml/kinds/index.ts';
import { definedAs } from '../definitions/kinds/index.ts';
import { writeQemuArgv } from '../toolstack/qemu/index.ts';

/** Formats of domxml-to-native and domxml-from-native. */
const FORMATS = ['xen-xl', 'xen-xm', 'xen-sxpr'];
/** Of QEMU's driver, to it alone (qemuConnectDomainXMLToNative()). */
const QEMU_ARGV = 'qemu-argv';

/** Which guests a format is for. */
const GUESTS = { kvm: "<domain type='kvm'>", xen: 'guests of Xen' };

/** What is wrong with a document, a sentence a line. */
export class NativeError extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** A definition in another language. `fromXml`: it is in libvirt's, and goes to a format; else the other way. `path`: of the text, for people. @throws NativeError */
export async function converted(
  { format, path, text }: { format: string; path: string; text: string },
  fromXml: boolean,
): Promise<string> {
  const isArgv = fromXml && format === QEMU_ARGV;
  if (!isArgv && !FORMATS.includes(format))
    throw new NativeError([`invalid argument: unsupported config type ${format}`]);
  await prepareToRead(text);
  const refuse = (sentences: string[]): never => {
    throw new NativeError(sentences);
  };
  const first = /[^\s\uFEFF]/.exec(text)?.[0];
  const [wanted, what] = fromXml
    ? ['<', 'domain XML of libvirt']
    : format === 'xen-sxpr'
      ? ['(', 'definition as xend exported it']
      : [undefined, 'configuration file of xl or xm'];
  if (wanted ? first !== wanted : first === '<' || first === '(')
    refuse([`${path}:1:1: This is no ${what}. Take another file, or another format.`]);
  // xl's grammar is narrower than xm's, which was Python's.
  const problems = !fromXml && format === 'xen-xl' ? parseXlConfig(text).problems : [];
  if (problems.length > 0)
    refuse(problems.map(({ line, column, text: sentence }) => `${path}:${line}:${column}: ${sentence}`));
  const judged = judgeDefinition(path, text);
  const wrong = judged.findings.filter(isFault);
  if (wrong.length > 0) refuse(wrong.map(formatFinding));
  const type = inXml(judged.definition).type.name,
    wantedType = isArgv ? 'kvm' : 'xen';
  if (fromXml && type !== wantedType)
    refuse([
      `invalid argument: could not find capabilities for domaintype=${type}: ${format} is for ${GUESTS[wantedType]}.`,
    ]);
  if (isArgv) return `${writeQemuArgv(judged.definition)}\n\n`;
  if (!fromXml) {
    const { settings, definition } = judged;
    const localtime = settings.get('localtime');
    const xml = writeXml(definition, { isLocal: localtime?.kind === 'number' && localtime.text === '1' });
    const lines = (await notCarried(judged, xml)).map(line => `  ${line.replaceAll('--', '- -')}\n`);
    return (lines.length > 0 ? `<!-- not carried over:\n${lines.join('')}-->\n` : '') + xml;
  }
  const lost = judged.findings
    .filter(({ verdict, key }) => verdict === 'ignored' && !judged.settings.has(key.split('.')[0]))
    .map(finding => `${finding.key}: ${formatFinding(finding)}`);
  const note = (lines: readonly string[]): string => lines.map(line => `# not carried over: ${line}\n`).join('');
  if (format === 'xen-sxpr') {
    const sxp = writeSxp(judged.definition, { others: others(judged) });
    // Behind the definition, which begins with its bracket.
    return sxp + note([...lost, ...(await notCarried(judged, sxp))]);
  }
  const xl = writeXlConfig(judged.definition) + otherKeys(judged);
  // xm has other words for what is started.
  const native =
    format === 'xen-xl'
      ? xl
      : xl
          .replace(/^type = ".*"$/m, `builder = "${definedAs(judged.definition).builder}"`)
          .replace(/^cmdline = /m, 'extra = ');
  return note([...lost, ...(await notCarried(judged, native))]) + native;
}
