/** The clipboard of the person at the page. A browser may refuse it, and a page that is not served securely has none. */

/** Empty where the browser gives none. */
export const clipboardText = async (): Promise<string> => (await navigator.clipboard?.readText().catch(() => '')) ?? '';

/** Whether the text is there now. `view`: the window that has the focus; others may not write it. */
export async function copyToClipboard(text: string, view: Pick<Window, 'navigator'> = window): Promise<boolean> {
  try {
    await view.navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
