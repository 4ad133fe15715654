package pythontest

import "strings"

// Key returns the key of the call, by the rules of the Python package.
func (r Record) Key() string {
	arg := func(name string) string { return r.Args[name].Text }
	user := r.Ctor["user_id"].Text
	withoutColons := func(part string) string { return strings.ReplaceAll(part, ":", "_") }
	parts := []string{r.Tenant}
	switch r.Repo {
	case "RedisUser":
		parts = append(parts, "user", user)
	case "RedisStateHandler":
		parts = append(parts, "state", arg("handler_name"), user)
	case "RedisTable":
		parts = append(parts, "df", arg("table_name"), "pkid", arg("pkid"))
	case "RedisSharedState":
		parts = append(parts, "SS", withoutColons(arg("state_name")), withoutColons(user))
	case "RedisTrigger":
		parts = append(parts, "EXPTRIGGER", withoutColons(arg("action")), withoutColons(arg("identifier")))
	case "RedisBatch":
		parts = append(parts, "batch", arg("service"), arg("entity_key"), arg("action"))
	case "RedisGeneric":
		parts = append(parts, arg("key_base"))
	}
	return strings.Join(parts, ":")
}

// State returns the state of the key after the call. It reports false if there
// is none.
func (r Record) State() (State, bool) {
	for _, s := range r.Raw {
		if s.Key == r.Key() {
			return s, true
		}
	}
	return State{}, false
}

// Entry is a stored text and the value that it represents.
type Entry struct {
	Field string // of a hash
	Raw   Text
	Value Value
}

// Written returns the values that the call wrote, with their stored texts. If a
// value was not written, its text is Missing.
func (r Record) Written() []Entry {
	s, _ := r.State()
	entry := func(v Value) []Entry {
		name := r.Args["field"].Text
		return []Entry{{name, textAt(s.Hash, name), v}}
	}
	switch r.Method {
	case "upsert", "merge":
		data := r.Args["data"]
		if data.Type == "" {
			data = r.Args["state_data"]
		}
		var all []Entry
		for _, p := range data.Pairs {
			name := p.Key.jsonKey()
			all = append(all, Entry{name, textAt(s.Hash, name), p.Value})
		}
		return all
	case "update_field":
		return entry(r.Args["value"])
	case "append_to_list":
		return entry(Value{Type: "list", Items: append(r.itemsBefore(), r.Args["value"])})
	case "increment_field":
		if r.Result.Type == "int" {
			return entry(r.Result)
		}
	case "set":
		if r.Repo == "RedisGeneric" {
			return []Entry{{Raw: s.Text, Value: r.Args["value"]}}
		}
	case "enqueue":
		e := Entry{Raw: Text{Missing: "nothing was written"}, Value: r.Args["data"]}
		if n := len(s.Members); n > 0 {
			e.Raw = s.Members[n-1]
		}
		return []Entry{e}
	}
	return nil
}

// itemsBefore returns the items of the list that a call appends to, as Python
// reads them. A value that is not a list has none.
func (r Record) itemsBefore() []Value {
	for _, c := range r.Pre {
		if c.Argv[0].S != "HSET" || c.Argv[1].S != r.Key() {
			continue
		}
		for i := 2; i < len(c.Argv); i += 2 {
			if c.Argv[i].S == r.Args["field"].Text {
				return Read(c.Argv[i+1].S).Items
			}
		}
	}
	return nil
}

// textAt returns the text of a hash field.
func textAt(hash map[string]Text, name string) Text {
	if t, ok := hash[name]; ok {
		return t
	}
	return Text{Missing: "nothing was written"}
}
