// Prints what the other steps need to know of the packages, a line each, from `cargo metadata`:
//
//   node .ci/metadata.js features    PACKAGE FEATURE…   the published ones
//   node .ci/metadata.js published   PACKAGE            in order of publication
//   node .ci/metadata.js check       what is wrong with the manifests, and fails if anything is
//
// In JavaScript because the tests need Node.js anyway, and JSON is not for sed to read.
"use strict";

const { execFileSync } = require("node:child_process");

const workspace = JSON.parse(
    execFileSync("cargo", ["metadata", "--format-version=1", "--all-features"], {
        encoding: "utf8",
        maxBuffer: 1 << 28,
    }),
);
const members = workspace.packages.filter((found) => workspace.workspace_members.includes(found.id));
// `publish = false` is an empty list of registries.
const published = members.filter((member) => member.publish === null || member.publish.length > 0);

/** The published packages, each after those that it depends on. */
function inOrder() {
    const done = [];
    const add = (member) => {
        if (done.includes(member)) return;
        for (const dependency of member.dependencies.filter((each) => each.kind !== "dev")) {
            const other = published.find((each) => each.name === dependency.name);
            if (other) add(other);
        }
        done.push(member);
    };
    published.forEach(add);
    return done;
}

function newer(left, right) {
    const [a, b] = [left, right].map((version) => version.split(".").map(Number));
    for (const part of [0, 1, 2]) {
        const difference = (a[part] ?? 0) - (b[part] ?? 0);
        if (difference !== 0) return difference > 0;
    }
    return false;
}

/** Every package that a member needs outside its own tests. */
function* needed(member) {
    const nodes = new Map(workspace.resolve.nodes.map((node) => [node.id, node]));
    const seen = new Set();
    const open = [member.id];
    while (open.length > 0) {
        const id = open.pop();
        if (seen.has(id)) continue;
        seen.add(id);
        yield workspace.packages.find((found) => found.id === id);
        for (const { pkg, dep_kinds } of nodes.get(id).deps) {
            if (dep_kinds.some(({ kind }) => kind !== "dev")) open.push(pkg);
        }
    }
}

function* faults() {
    for (const member of members) {
        if (!member.rust_version) yield `${member.name}: no rust-version`;
        if (!member.license) yield `${member.name}: no license`;
        if (!member.description) yield `${member.name}: no description`;
    }
    for (const member of published) {
        if (!member.repository) yield `${member.name}: no repository`;
        if (!member.readme) yield `${member.name}: no readme`;
        for (const dependency of member.dependencies) {
            if (dependency.req === "*" && dependency.kind !== "dev") {
                yield `${member.name}: ${dependency.name} in any version cannot be published`;
            }
        }
        if (!member.rust_version) continue;
        for (const other of needed(member)) {
            if (other.rust_version && newer(other.rust_version, member.rust_version)) {
                yield `${member.name} promises Rust ${member.rust_version}, but ${other.name} ` +
                    `${other.version} needs ${other.rust_version}`;
            }
        }
    }
}

switch (process.argv[2]) {
    case "features":
        for (const member of published) console.log([member.name, ...Object.keys(member.features)].join(" "));
        break;
    case "published":
        for (const member of inOrder()) console.log(member.name);
        break;
    case "check":
        for (const fault of faults()) {
            console.error(`error: ${fault}`);
            process.exitCode = 1;
        }
        break;
    default:
        console.error("which one: features, published or check?");
        process.exitCode = 2;
}
