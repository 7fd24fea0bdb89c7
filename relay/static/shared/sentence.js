/** The relay's reasons as sentences: it writes them without a capital and a full stop. */

/** @param {string} reason */
export function sentence(reason) {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`;
}
