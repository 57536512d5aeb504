/** What the editor of definitions asks: answered by a part that is loaded when the first one is opened (editing.ts). */
import { editing } from './parts.ts';
import type { CommandHost, DefinitionService } from '../toolstack/index.ts';
import type { Changes, Edited, JudgedText, OpenedDefinition } from './editing.ts';

export class DefinitionServiceOfDom0 implements DefinitionService {
  private readonly host: CommandHost;

  constructor(host: CommandHost) {
    this.host = host;
  }

  async openDefinition(name?: string): Promise<OpenedDefinition> {
    return (await editing.load()).openDefinition(this.host, name);
  }

  async judgeText(edited: Edited): Promise<JudgedText> {
    return (await editing.load()).judgeText(this.host, edited);
  }

  async changeText(edited: Edited, changes: Changes): Promise<JudgedText> {
    return (await editing.load()).changeText(this.host, edited, changes);
  }

  async setDescription(name: string, text: string): Promise<void> {
    return (await editing.load()).setDescription(this.host, name, text);
  }

  async setAutomatic(name: string, on: boolean): Promise<void> {
    return (await editing.load()).setAutomatic(this.host, name, on);
  }
}
