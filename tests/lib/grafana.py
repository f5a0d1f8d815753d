# SPDX-License-Identifier: MIT
"""Print TypeScript that only compiles if dashboards have the types of @grafana/schema: grafana.py DASHBOARD...

A dashboard becomes a literal, in which the compiler refuses what the types do not have. Options and custom settings of a field
have the types of their panel. The schema has none for Prometheus' queries, so those are here, from Grafana's documentation.
"""
import json
import sys

PANELS = {"stat": ("Stat", False), "timeseries": ("TimeSeries", True), "bargauge": ("BarGauge", False), "table": ("Table", True)}
print('import { Dashboard, Panel, VariableModel } from "@grafana/schema";')
for kind, (name, fields) in PANELS.items():
    print(f'import * as {name} from "@grafana/schema/dist/esm/raw/composable/{kind}/panelcfg/x/{name}PanelCfg_types.gen";')
print("""
type Deep<T> = T extends (infer E)[] ? Deep<E>[] : T extends object ? { [K in keyof T]?: Deep<T[K]> } : T extends string ? `${T}` : T;
interface Query {
	refId: string; datasource: { type: "prometheus"; uid: string }; expr: string; legendFormat: string;
	instant?: boolean; range?: boolean; format?: "table" | "time_series" | "heatmap";
}
interface Defaults<F> extends Omit<Deep<NonNullable<Panel["fieldConfig"]>["defaults"]>, "custom"> { custom?: Deep<F> }
interface Of<Type extends string, Options, Fields> extends Omit<Deep<Panel>, "options" | "fieldConfig" | "targets" | "type" | "transformations"> {
	type: Type; options: Deep<Options>; targets: Query[]; transformations?: Panel["transformations"];
	fieldConfig: { defaults: Defaults<Fields>; overrides: NonNullable<Panel["fieldConfig"]>["overrides"] };
}
interface Variable extends Omit<VariableModel, "type" | "hide" | "refresh" | "sort"> { type: `${VariableModel["type"]}`; hide: 0 | 1 | 2; refresh?: 0 | 1 | 2; sort?: number }
interface Board extends Omit<Dashboard, "panels" | "templating"> {
	panels: (""" + " | ".join(f'Of<"{kind}", {name}.Options, {name}.FieldConfig>' if fields else f'Of<"{kind}", {name}.Options, {{}}>'
                           for kind, (name, fields) in PANELS.items()) + """)[];
	templating: { list: Variable[] };
}
""")
for i, path in enumerate(sys.argv[1:]):
    with open(path, encoding="utf-8") as file:
        print(f"export const board{i}: Board =", json.dumps(json.load(file), indent=1) + ";")
