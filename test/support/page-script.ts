/** What tests ask of the page in any browser, as scripts (see browsers.ts): drop, press, type, read. */
import type { Tab } from './browsers.ts';
import { debian, type Flavour, PROMPT } from './guests.ts';

/** Drops files that the page's own server has, as a drag from the desktop would, once the page shows its host: nobody drops onto an empty page. */
export const dropServed = (tab: Tab, paths: readonly string[]): Promise<unknown> =>
  tab.run(`
    for (let i = 0; i < 300 && !/ MiB free/.test(document.body.innerText); i++) await new Promise(resolve => setTimeout(resolve, 100));
    await new Promise(resolve => setTimeout(resolve, 100));
    const transfer = new DataTransfer();
    for (const path of ${JSON.stringify(paths)}) {
      const answer = await fetch(path);
      if (!answer.ok) throw new Error(path + ': ' + answer.status);
      transfer.items.add(new File([await answer.blob()], path.slice(path.lastIndexOf('/') + 1)));
    }
    for (const type of ['dragenter', 'dragover', 'drop'])
      document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  `);

/** Drops files from memory. */
export const dropFiles = (tab: Tab, files: readonly { name: string; data: Buffer }[]): Promise<unknown> =>
  tab.run(`
    const transfer = new DataTransfer();
    for (const { name, text } of ${JSON.stringify(files.map(({ name, data }) => ({ name, text: data.toString('base64') })))})
      transfer.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name));
    for (const type of ['dragenter', 'dragover', 'drop'])
      document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  `);

/** Waits until an element that the selector finds has such a text; rejects with what the page shows instead. */
export const expectShown = (tab: Tab, selector: string, text: RegExp, seconds: number): Promise<unknown> =>
  tab.run(`
    for (const start = Date.now(); ![...document.querySelectorAll(${JSON.stringify(selector)})].some(({ innerText, textContent }) => ${text}.test(innerText || textContent)); ) {
      if (Date.now() - start > ${seconds * 1000}) throw new Error(${JSON.stringify(`no ${text} in ${selector}: `)} + document.body.innerText.slice(0, 1500));
      await new Promise(resolve => setTimeout(resolve, 250));
    }
  `);

/** Presses the first button whose name matches, as soon as it can be pressed. */
export const press = (tab: Tab, name: RegExp): Promise<unknown> =>
  tab.run(`
    for (let i = 0; ; i++) {
      const button = [...document.querySelectorAll('button')].find(b => ${name}.test(b.getAttribute('aria-label') ?? b.textContent.trim()) && !b.disabled);
      if (button) return button.click();
      if (i === 300) throw new Error('no button ${name.source}: ' + document.body.innerText.slice(0, 2000));
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  `);

/** Types into the serial terminal, as text that an input method gives (the same in every browser). */
export const type = (tab: Tab, text: string): Promise<unknown> =>
  tab.run(`
    const input = document.querySelector('[data-testid=serial] .xterm-helper-textarea');
    input.focus();
    input.dispatchEvent(new InputEvent('input', { data: ${JSON.stringify(text)}, inputType: 'insertText', bubbles: true, composed: true }));
  `);

/** Waits until the serial terminal shows the text (spaces at a line's end are not there to be seen); rejects with what it shows instead. */
export const expectSerial = (tab: Tab, text: string, seconds: number): Promise<unknown> =>
  tab.run(`
    const shown = () => [...document.querySelectorAll('[data-testid=serial] .xterm-rows > div')].map(row => row.textContent.replace(/\\u00a0/g, ' ').trimEnd()).join('\\n');
    for (const start = Date.now(); !shown().includes(${JSON.stringify(text.trimEnd())}); ) {
      if (Date.now() - start > ${seconds * 1000}) throw new Error(${JSON.stringify(`no "${text}" in ${seconds} s: `)} + shown() + document.body.innerText.slice(0, 1500));
      await new Promise(resolve => setTimeout(resolve, 250));
    }
  `);

/** Drops a Debian guest onto the page, starts it, and waits for its shell on the serial terminal. */
export async function startDebian(tab: Tab, flavour: Flavour): Promise<void> {
  const { name: folder, files } = debian(flavour);
  await dropServed(
    tab,
    files.map(name => `guests/${folder}/${name}`),
  );
  await press(tab, /^Start debian/);
  // A small window shows what the guest used first, which may be its screen.
  await press(tab, /^Serial$/);
  // What its init says before may have left the few rows of the terminal by the time that somebody looks.
  await expectSerial(tab, PROMPT, 840);
}
