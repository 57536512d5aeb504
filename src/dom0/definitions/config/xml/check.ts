/** What libvirt's schema wants of every element: its attributes, its text, and which elements are in it. */
import { judgesOf } from '../libvirt-rules.ts';
import { DOMAIN, type ElementRule, ruleAt } from '../libvirt-schema.ts';
import { shortened } from '../xlcfg.ts';
import type { Element } from './tree.ts';
import { numberProblem, type XmlReading } from './reading.ts';

/** Elements whose own readers tell what libvirt does not have in them. */
const TOLD_BY_NAME = new Set([
  DOMAIN,
  ...['os', 'features', 'devices', 'cputune', 'clock'].map(name => ruleAt(name)),
  ruleAt('features', 'hyperv'),
]);

/** Every attribute that has a closed set of words, is a number, has to be there or is nobody's: of this element and of all in it. */
export function checkElement(read: XmlReading, element: Element, rule: ElementRule): void {
  if (rule === DOMAIN && element.attributes.type === undefined)
    read.problem(element, "The domain has no type. Write <domain type='xen'>.");
  for (const [name, { isRequired, ...of }] of rule.attributes) {
    const value = element.attributes[name];
    if (value !== undefined) read.attribute(element, name, value, of);
    else if (isRequired)
      read.problem(
        element,
        `Missing required attribute '${name}' in element '${element.name}'. Write <${element.name} ${name}='${of.words?.[0] ?? (of.from === undefined ? '…' : 1)}'>.`,
      );
  }
  for (const name of Object.keys(element.attributes))
    if (!rule.attributes.has(name) && !/^xmlns$|:/.test(name)) read.strange(element, name, rule);
  const why = element.text === '' ? undefined : numberProblem(element.text, rule.text.from);
  if (why)
    read.problem(element, `Invalid value '${shortened(element.text)}' for element <${element.name}>. Write ${why}.`);
  for (const [name, inner] of rule.elements) {
    const of = element.children.filter(child => child.name === name);
    if (of.length === 0 && inner.text.isRequired)
      read.problem(
        element,
        `<${element.name}> has no <${name}>, which libvirt wants. Write one, or take <${element.name}> out.`,
      );
    if (of.length > 1 && inner.isOnly)
      read.problem(of[1], `There is one <${name}> already, and <${element.name}> has at most one. Take this one out.`);
  }
  for (const { at, text } of judgesOf(rule).flatMap(judge => judge(element))) read.problem(at ?? element, text);
  for (const child of element.children) {
    const inner = rule.elements.get(child.name);
    // What tools keep in a definition is their own.
    if (inner && child.name !== 'metadata') checkElement(read, child, inner);
    else if (!inner && !TOLD_BY_NAME.has(rule)) read.other(child, {}, [...rule.elements.keys()]);
  }
}
