/** Verdicts and documents of Ringside next to those of libvirt's QEMU driver and of xl: what differs, by kind. */
import { readXml } from '../../dom0/libvirt/index.ts';
import { recorded } from './recorded.ts';
import { differences, kindOf } from './compare.ts';
import { xmlDefinition, type Drawn } from './draw-xml.ts';
import { xlDefinition } from './draw-xl.ts';
import { EXPLAINED_XL, EXPLAINED_XML, type Explained } from './explained.ts';
import { askLibvirt } from './libvirt.ts';
import { askHost, readXl } from './ours.ts';
import { askXl, buildNoXen } from './xl.ts';

/** One thing that the two say differently of a definition. */
export interface Disagreement {
  /** Of what kind it is; alike for all definitions. */
  kind: string;
  /** What was said, for people. */
  detail: string;
  drawn: Drawn;
  /** Why it is so; undefined: nobody has said. */
  why?: string | undefined;
}

export interface Judged {
  definitions: number;
  /** Both take it, or both refuse it. */
  verdictsAlike: number;
  /** Both take it, and what they say of it differs in nothing that is not explained. */
  documentsAlike: number;
  documents: number;
  disagreements: Disagreement[];
}

const explain = (table: readonly Explained[], { kind, detail, drawn }: Omit<Disagreement, 'why'>): string | undefined =>
  table.find(([which]) => which.test(`${kind}\n${detail}\n${drawn.pieces.join('\n')}`))?.[1];

class Tally {
  readonly judged: Judged = { definitions: 0, verdictsAlike: 0, documentsAlike: 0, documents: 0, disagreements: [] };
  private readonly table: readonly Explained[];

  constructor(table: readonly Explained[]) {
    this.table = table;
  }

  /** @returns both take it */
  verdict(
    drawn: Drawn,
    theirs: string | undefined,
    ours: { refused?: string | undefined; refusesStart?: string | undefined; isReported: boolean },
  ): boolean {
    const { judged } = this;
    judged.definitions++;
    const isRefused = ours.refused !== undefined;
    if ((theirs !== undefined) === isRefused) judged.verdictsAlike++;
    else if (theirs !== undefined && ours.refusesStart !== undefined)
      this.add(drawn, 'verdict: refused at the start only', `theirs: ${theirs}\nours:   ${ours.refusesStart}`);
    else if (theirs !== undefined && ours.isReported)
      this.add(drawn, 'verdict: taken here, and reported', `theirs: ${theirs}`);
    else if (theirs !== undefined) this.add(drawn, 'verdict: taken here', `theirs: ${theirs}`);
    else this.add(drawn, 'verdict: refused here', `ours: ${ours.refused}`);
    return theirs === undefined && !isRefused;
  }

  document(drawn: Drawn, theirs: Tree, ours: Tree): void {
    this.judged.documents++;
    const all = differences(theirs, ours);
    const { disagreements } = this.judged,
      before = disagreements.length;
    for (const each of all)
      this.add(
        drawn,
        `document: ${kindOf(each)}`,
        [
          ...(each.theirs === undefined ? [] : [`theirs: ${each.path} = ${each.theirs}`]),
          ...(each.ours === undefined ? [] : [`ours:   ${each.path} = ${each.ours}`]),
        ].join('\n'),
      );
    if (disagreements.slice(before).every(({ why }) => why !== undefined)) this.judged.documentsAlike++;
  }

  private add(drawn: Drawn, kind: string, detail: string): void {
    const found = { kind, detail, drawn };
    this.judged.disagreements.push({ ...found, why: explain(this.table, found) });
  }
}

type Tree = Parameters<typeof differences>[0];

/** Numbers from `first` on, as many as there are. */
const drawAll = (draw: (number: number) => Drawn, first: number, count: number): Drawn[] =>
  Array.from({ length: count }, (_, i) => draw(first + i));

/** libvirt's driver runs QEMU without KVM here; all else is alike. */
const ofType = (text: string, type: string): string => text.replace("type='TYPE'", `type='${type}'`);

export async function judgeXml(folder: string, first: number, count: number): Promise<Judged> {
  const drawn = drawAll(xmlDefinition, first, count);
  const theirs = await askLibvirt(
    drawn.map(({ name, text }) => ({ name, text: ofType(text, 'qemu') })),
    folder,
  );
  const ours = await askHost(drawn.map(({ name, text }) => ({ name, text: ofType(text, 'kvm') })));
  const tally = new Tally(EXPLAINED_XML);
  for (const each of drawn) {
    const [real, mine] = [theirs.get(each.name)!, ours.get(each.name)!];
    if (tally.verdict(each, real.refused, { ...mine, isReported: mine.said.some(text => /libvirt|QEMU/.test(text)) }))
      tally.document(
        each,
        await readXml(real.document!.replace("type='qemu'", "type='kvm'")),
        await readXml(mine.document!),
      );
  }
  return tally.judged;
}

/** A value of JSON as a tree, as an element has it. */
function treeOf(name: string, value: unknown): Tree {
  if (value !== null && typeof value === 'object')
    return {
      name,
      attributes: {},
      children: Object.entries(value).map(([key, inner]) => treeOf(key, inner)),
      text: '',
    };
  return { name, attributes: {}, children: [], text: String(value) };
}

/** What was recorded of libvirt for the checks between elements (src/dom0/definitions/config/xml/between.test.ts), asked again. */
export async function judgeRecorded(folder: string): Promise<Judged> {
  const drawn = recorded();
  const theirs = await askLibvirt(drawn, folder);
  const disagreements = drawn.flatMap(each => {
    const { refused } = theirs.get(each.name)!;
    if (refused === each.said) return [];
    const detail = `recorded: ${each.said ?? 'taken'}\nnow:      ${refused ?? 'taken'}`;
    return [{ kind: 'recorded: libvirt says something else', detail, drawn: each }];
  });
  const alike = drawn.length - disagreements.length;
  return { definitions: drawn.length, verdictsAlike: alike, documents: 0, documentsAlike: 0, disagreements };
}

export async function judgeXl(folder: string, first: number, count: number): Promise<Judged> {
  const library = buildNoXen(folder);
  const tally = new Tally(EXPLAINED_XL);
  for (const each of drawAll(xlDefinition, first, count)) {
    const real = await askXl(library, folder, each.name, each.text),
      mine = await readXl(each.text);
    if (tally.verdict(each, real.refused, { ...mine, isReported: mine.said.some(text => /\bxl\b/.test(text)) })) {
      const { config } = mine.config as { config: unknown };
      tally.document(each, treeOf('config', real.config), treeOf('config', config));
    }
  }
  return tally.judged;
}
