// The labs as cards in JupyterLab's launcher, and Assignments where there is an exchange. JupyterLab loads extensions as
// containers of module federation; this one is small enough to be written as it stands, without a build.

(() => {
  const NAME = "labkit-room";
  let modules = {};

  /** A module that JupyterLab shares with its extensions, such as @jupyterlab/launcher. */
  const shared = async (name) => {
    const [version] = Object.values(modules[name]);
    return (await version.get())();
  };

  /** What labkit/room/furnish.py put into the page's configuration. */
  const room = () => {
    const page = JSON.parse(document.getElementById("jupyter-config-data").textContent);
    return JSON.parse(page.labkitRoom ?? '{"labs": [], "assignments": false}');
  };

  const plugin = async () => {
    const { ILauncher } = await shared("@jupyterlab/launcher");
    const { notebookIcon, listIcon } = await shared("@jupyterlab/ui-components");
    return {
      id: `${NAME}:cards`,
      autoStart: true,
      requires: [ILauncher],
      activate: (app, launcher) => {
        const { labs, assignments } = room();
        const style = document.createElement("style"); // long names in tables break, so that tables fit small windows
        style.textContent = ".jp-RenderedHTMLCommon td code { overflow-wrap: anywhere; white-space: normal; }";
        document.head.append(style);
        app.commands.addCommand(`${NAME}:open`, {
          label: (args) => args.label,
          icon: notebookIcon,
          execute: (args) => app.commands.execute("docmanager:open", { path: args.path }),
        });
        labs.forEach((args, place) => {
          launcher.add({ command: `${NAME}:open`, args, category: "Notebook", rank: place - 1000 });
        });
        if (assignments) {
          app.commands.addCommand(`${NAME}:assignments`, {
            label: "Assignments",
            caption: "Fetch and submit labs, and read your feedback",
            icon: listIcon,
            execute: () => app.commands.execute("nbgrader:open-assignment-list"),
          });
          launcher.add({ command: `${NAME}:assignments`, category: "Notebook", rank: -1 });
        }
      },
    };
  };

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB[NAME] = {
    init: (scope) => {
      modules = scope;
    },
    get: async () => {
      const made = await plugin();
      return () => ({ __esModule: true, default: made });
    },
  };
})();
