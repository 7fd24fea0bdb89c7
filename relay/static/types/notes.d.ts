/** Return the note that this text holds; null if it is none. @param {string} text @returns {any} */
export function parse(text: string): any;
export type Fits = (value: any) => boolean;
