// SCIMMY with its express routers over two in-memory maps: the simplest correct use of the documented API.
// Handlers follow the examples of SCIMMY.Types.Resource (IngressHandler, EgressHandler, DegressHandler): the handler
// filters (the library hands it the parsed filter and does not apply it itself), the library sorts and pages.
import {randomUUID} from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [port, token] = [Number(process.argv[2]), process.argv[3]];
const users = new Map();
const groups = new Map();

const notFound = (id) => new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);

function refuseUnknown(table, id) {
    if (id && !table.has(id)) throw notFound(id);
}

// Create, or replace when there is an id; a PATCH arrives here too, as the whole patched resource.
function save(table, id, instance) {
    const previous = table.get(id);
    const {schemas, meta, ...attributes} = JSON.parse(JSON.stringify(instance));
    const now = new Date().toISOString();
    const saved = {...attributes, id: id ?? randomUUID(), meta: {created: previous?.meta.created ?? now, lastModified: now}};
    table.set(saved.id, saved);
    return saved;
}

function remove(table, id) {
    if (!table.delete(id)) throw notFound(id);
}

function find(resources, {id, filter}) {
    if (!id) return filter ? filter.match(resources) : resources;
    const found = resources.find((resource) => resource.id === id);
    if (!found) throw notFound(id);
    return found;
}

// The schema says uniqueness "server" and caseExact false for userName.
function refuseTakenUserName(id, {userName}) {
    const taken = [...users.values()].some((user) => user.id !== id && user.userName.toLowerCase() === userName.toLowerCase());
    if (taken) throw new SCIMMY.Types.Error(409, "uniqueness", "userName is not unique");
}

const isMember = (id) => ({members = []}) => members.some(({value}) => value === id);

function withGroups(user) {
    const direct = [...groups.values()].filter(isMember(user.id));
    return {...user, groups: direct.map(({id, displayName}) => ({value: id, display: displayName, type: "direct"}))};
}

SCIMMY.Resources.declare(SCIMMY.Resources.User)
    .extend(SCIMMY.Schemas.EnterpriseUser)
    .ingress((resource, instance) => {
        refuseUnknown(users, resource.id);
        refuseTakenUserName(resource.id, instance);
        return withGroups(save(users, resource.id, instance));
    })
    .egress((resource) => find([...users.values()].map(withGroups), resource))
    .degress((resource) => {
        remove(users, resource.id);
        for (const group of [...groups.values()].filter(isMember(resource.id)))
            group.members = group.members.filter(({value}) => value !== resource.id);
    });

SCIMMY.Resources.declare(SCIMMY.Resources.Group)
    .ingress((resource, instance) => {
        refuseUnknown(groups, resource.id);
        return save(groups, resource.id, instance);
    })
    .egress((resource) => find([...groups.values()], resource))
    .degress((resource) => remove(groups, resource.id));

const app = express();
app.use("/scim/v2", new SCIMMYRouters({
    type: "bearer",
    docUri: "https://example.com/help/oauth.html",
    baseUri: (request) => `${request.protocol}://${request.get("host")}`,
    handler: (request) => {
        if (request.header("Authorization") !== `Bearer ${token}`) throw new Error("Authorization not detected!");
    }
}));
app.listen(port, "127.0.0.1", () => console.log(`Base URL: http://127.0.0.1:${port}/scim/v2\nToken: ${token}`));
