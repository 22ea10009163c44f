// What is to be said of chosen files.

export const bytesOf = (files) => [...files].reduce((sum, file) => sum + file.size, 0);

export const size = (bytes) => {
  let value = bytes;
  for (const unit of ["bytes", "kB", "MB", "GB"]) {
    if (value < 1000) return `${unit === "bytes" || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
};

// Names are shown as text, so nothing in them is markup; three are enough to know what was chosen.
export const describe = (files) => {
  if (!files.length) return "";
  const names = [...files].slice(0, 3).map((file) => file.name);
  const rest = files.length - names.length;
  return `${names.join(", ")}${rest ? ` + ${rest.toLocaleString("en")}` : ""} (${size(bytesOf(files))})`;
};
