/** What we use of it; its own types are in the package. */
export function generate(text: string): { size: number; get: (x: number, y: number) => boolean };
