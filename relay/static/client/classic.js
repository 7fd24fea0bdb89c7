/** The client for a page without modules: one `<script>` line, and these names are there. */

import { QueueFull, RelayClient, Undelivered } from "./relay-client.js";

Object.assign(globalThis, { RelayClient, QueueFull, Undelivered });
