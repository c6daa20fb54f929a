// Heat maps of chain pairs, and of the predicted aligned error. Rows give the frames, columns are scored.
const maps = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const GREY = "#e9ecef";
  // From pale to dark; the ends and the middle are told apart without colour as well.
  const STOPS = [[247, 251, 252], [158, 206, 214], [15, 110, 132], [6, 45, 66]];

  const colour = (share) => {
    const place = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
    const k = Math.min(Math.floor(place), STOPS.length - 2);
    return STOPS[k].map((from, c) => Math.round(from + (STOPS[k + 1][c] - from) * (place - k)));
  };
  const css = (share) => `rgb(${colour(share).join(",")})`;

  const make = (tag, attributes, text) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // Edges of rows and columns: all alike, or as long as the chains.
  const edgesOf = (lengths, side) => {
    const total = lengths.reduce((sum, length) => sum + length, 0) || 1;
    let sum = 0;
    return [0, ...lengths.map((length) => ((sum += length) / total) * side)];
  };

  // Labels of chains along both sides; where chains are thin, only as many as fit.
  const labels = (svg, chains, edges, margin) => {
    const place = (room, draw) => {
      let last = -Infinity;
      chains.forEach((chain, k) => {
        const middle = (edges[k] + edges[k + 1]) / 2;
        if (middle - last < room) return;
        last = middle;
        svg.append(make("text", draw(middle), chain));
      });
    };
    const letters = Math.max(...chains.map((chain) => chain.length));
    place(8 * letters + 4, (middle) => ({ x: margin + middle, y: margin - 6, "text-anchor": "middle" }));
    place(13, (middle) => ({ x: margin - 6, y: margin + middle + 4, "text-anchor": "end" }));
  };

  const SIDE = 400;
  const MARGIN = 40;

  // An SVG map of a C × C matrix. `say` is told the cell that is pointed at or chosen with the arrow keys.
  const matrix = ({ chains, values, lengths, share, format, label, say }) => {
    const n = chains.length;
    const edges = edgesOf(lengths, SIDE);
    const size = SIDE + MARGIN + 4;
    const svg = make("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, tabindex: 0 });
    const cells = [];
    for (let row = 0; row < n; row++) {
      for (let column = 0; column < n; column++) {
        const value = values[row * n + column];
        const fill = row === column ? "#fff" : value === null ? GREY : css(share(value));
        const [x, y] = [MARGIN + edges[column], MARGIN + edges[row]];
        const [width, height] = [edges[column + 1] - edges[column], edges[row + 1] - edges[row]];
        cells.push(`<rect x="${x.toFixed(2)}" y="${y.toFixed(2)}" width="${(width + 0.2).toFixed(2)}" height="${(height + 0.2).toFixed(2)}" fill="${fill}"/>`);
        if (value !== null && row !== column && Math.min(width, height) > 30) {
          const ink = share(value) > 0.45 ? "#fff" : "#1f2933";
          cells.push(`<text class="value" x="${x + width / 2}" y="${y + height / 2 + 4}" text-anchor="middle" fill="${ink}">${format(value)}</text>`);
        }
      }
    }
    svg.innerHTML = cells.join("");
    svg.append(make("rect", { x: MARGIN, y: MARGIN, width: SIDE, height: SIDE, class: "frame" }));
    labels(svg, chains, edges, MARGIN);
    const mark = make("rect", { class: "mark", visibility: "hidden" });
    svg.append(mark);

    let chosen = [0, Math.min(1, n - 1)];
    const choose = (row, column) => {
      chosen = [row, column];
      const place = { x: MARGIN + edges[column], y: MARGIN + edges[row], visibility: "visible" };
      const reach = { width: edges[column + 1] - edges[column], height: edges[row + 1] - edges[row] };
      for (const [name, value] of Object.entries({ ...place, ...reach })) mark.setAttribute(name, value);
      say(row, column, values[row * n + column]);
    };
    svg.addEventListener("mousemove", (event) => {
      const box = svg.getBoundingClientRect();
      const at = (pixel) => edges.findIndex((edge, k) => k < n && (pixel / box.width) * size - MARGIN < edges[k + 1]);
      const [row, column] = [at(event.clientY - box.top), at(event.clientX - box.left)];
      if (row >= 0 && column >= 0) choose(row, column);
    });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const inside = (place) => Math.min(Math.max(place, 0), n - 1);
      choose(inside(chosen[0] + step[0]), inside(chosen[1] + step[1]));
    });
    return svg;
  };

  // The aligned error as a picture, with the borders of chains drawn over it.
  const picture = ({ cells, values, chains, lengths, step, label }) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: cells, height: cells });
    const context = canvas.getContext("2d");
    const image = context.createImageData(cells, cells);
    const bytes = Uint8Array.from(atob(values), (letter) => letter.charCodeAt(0));
    bytes.forEach((byte, k) => image.data.set([...colour(1 - (byte * step) / 31.75), 255], 4 * k));
    context.putImageData(image, 0, 0);
    const size = SIDE + MARGIN + 4;
    const svg = make("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label });
    const place = { x: MARGIN, y: MARGIN, width: SIDE, height: SIDE };
    svg.append(make("image", { ...place, href: canvas.toDataURL(), class: "pixels" }));
    const edges = edgesOf(lengths, SIDE);
    const width = Math.min(1, 20 / chains.length);
    for (const edge of edges.slice(1, -1)) {
      const d = `M${MARGIN + edge} ${MARGIN}v${SIDE}M${MARGIN} ${MARGIN + edge}h${SIDE}`;
      svg.append(make("path", { d, class: "border", "stroke-width": width }));
    }
    svg.append(make("rect", { ...place, class: "frame" }));
    labels(svg, chains, edges, MARGIN);
    return svg;
  };

  return { matrix, picture };
})();
