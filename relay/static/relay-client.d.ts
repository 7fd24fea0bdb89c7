export * from "./types/relay-client.js";
