import { expect, it } from 'vitest';
import { titleIn, withTitle } from './title.ts';

const XML =
  "<domain type='xen'>\n  <name>web</name>\n  <uuid>6b1e0f0a</uuid>\n  <memory unit='KiB'>1</memory>\n</domain>\n";

it('a title comes, changes and goes where libvirt has it', () => {
  expect(titleIn(XML)).toBe('');
  const titled = withTitle(XML, ' The <shop> & "more" ');
  expect(titled).toBe(XML.replace('</uuid>\n', '</uuid>\n  <title>The &lt;shop&gt; &amp; "more"</title>\n'));
  expect(titleIn(titled)).toBe('The <shop> & "more"');
  expect(withTitle(titled, 'Other')).toBe(XML.replace('</uuid>\n', '</uuid>\n  <title>Other</title>\n'));
  expect(withTitle(titled, '')).toBe(XML);
  expect(titleIn('<title>&amp;lt;</title>')).toBe('&lt;');
  const short = XML.replace(/ {2}<uuid>.*\n/, '');
  expect(withTitle(short, 'It')).toBe(short.replace('</name>\n', '</name>\n  <title>It</title>\n'));
});
