import { App } from "./app.js";

export default {
  render({ model, el }) {
    const app = new App(model, el);
    return () => app.destroy();
  },
};
