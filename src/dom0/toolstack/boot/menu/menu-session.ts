/** A boot menu at a terminal: keys go in, pictures come out, and the countdown goes on. The page's terminal and node's are the same to it. */
import type { Later } from '../../../host/index.ts';
import { KeyParser } from '../../terminal/keys.ts';
import type { BootMenu, MenuChoice } from './boot-menu.ts';
import { drawMenu, menuSequences } from './menu-screen.ts';

export interface MenuSessionParts {
  menu: BootMenu;
  /** Above the box. */
  title: string;
  write(text: string): void;
  later: Later;
}

/** The countdown is looked at this often. */
const TICK_MS = 100;
/** How long a lone ESC waits for the rest of a sequence. */
const ESCAPE_MS = 50;

export class MenuSession {
  /** Resolves to what was chosen; never where the session was closed. */
  readonly choice: Promise<MenuChoice>;
  private readonly parts: MenuSessionParts;
  private readonly keys = new KeyParser();
  private resolve: (choice: MenuChoice) => void = () => {};
  private shown = '';
  private over = false;
  private cancel = (): void => {};

  constructor(parts: MenuSessionParts) {
    this.parts = parts;
    this.choice = new Promise(resolve => {
      this.resolve = resolve;
    });
    this.tick();
  }

  /** What is typed, as the terminal sends it. */
  input(typed: string): void {
    this.keys.push(typed);
    this.take();
    this.parts.later(ESCAPE_MS, () => {
      const escape = this.keys.flush();
      if (escape && !this.over) this.parts.menu.press(escape);
      this.show();
    });
  }

  /** The terminal has gone: the countdown stops. */
  close(): void {
    this.over = true;
    this.cancel();
  }

  /** What was typed behind the key that chose. */
  get rest(): string {
    return this.keys.drain();
  }

  private take(): void {
    for (let input = this.keys.next(); input && !this.over; input = this.keys.next()) {
      this.parts.menu.press(input);
      this.show();
    }
  }

  private tick(): void {
    if (this.over) return;
    this.parts.menu.tick();
    this.show();
    if (!this.over) this.cancel = this.parts.later(TICK_MS, () => this.tick());
  }

  private show(): void {
    const { menu, title, write } = this.parts;
    if (this.over) return;
    if (menu.choice) {
      this.close();
      write('\x1b[0m\x1b[2J\x1b[H\x1b[?25h');
      return this.resolve(menu.choice);
    }
    const picture = menuSequences(drawMenu(menu, title));
    if (picture === this.shown) return;
    write(this.shown === '' ? `\x1b[0m\x1b[2J${picture}` : picture);
    this.shown = picture;
  }
}
