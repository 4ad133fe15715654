package hashrepo

import (
	"slices"

	"github.com/redis/rueidis"
)

// appendNames appends the name of the field and its old names, the order in
// which a read looks for the field.
func (f *field) appendNames(names []string) []string {
	return append(append(names, f.Name), f.Was...)
}

// currentName returns the stored name of the field that has an old name. If
// there is none, it returns the argument.
func (p *plan) currentName(name string) string {
	if i, ok := p.byOldName[name]; ok {
		return p.names[i]
	}
	return name
}

// valueAmong returns the value of the field among those of readNames, or a nil
// value if the field is absent.
func (f *field) valueAmong(values []rueidis.RedisMessage) *rueidis.RedisMessage {
	return firstPresent(values[f.at : f.at+1+len(f.Was)])
}

// firstPresent returns the first value that is not nil. If there is none, it
// returns a nil value.
func firstPresent(values []rueidis.RedisMessage) *rueidis.RedisMessage {
	for i := range values {
		if !values[i].IsNil() {
			return &values[i]
		}
	}
	return &values[0]
}

// takeText returns the text of the field in the texts of a record, and removes
// the texts of all its names. It reports false if the field is absent.
func (f *field) takeText(texts map[string]string) (text string, ok bool) {
	if text, ok = texts[f.Name]; ok {
		delete(texts, f.Name)
	}
	for _, old := range f.Was {
		oldText, found := texts[old]
		if found {
			delete(texts, old)
		}
		if !ok {
			text, ok = oldText, found
		}
	}
	return text, ok
}

// valueOf returns the value of the field in a record, by stored name. It
// reports false if the field is absent.
func (f *field) valueOf(record map[string]rueidis.RedisMessage) (value rueidis.RedisMessage, ok bool) {
	value, ok = record[f.Name]
	for i := 0; !ok && i < len(f.Was); i++ {
		value, ok = record[f.Was[i]]
	}
	return value, ok
}

// renames returns the operations that move every field of a record from its old
// names. texts are the texts of the record as it was read.
func (p *plan) renames(texts map[string]string) (operations []operation) {
	if p.byOldName == nil {
		return nil
	}
	for i := range p.fields {
		f := &p.fields[i]
		for _, old := range f.Was {
			if _, ok := texts[old]; ok {
				operations = append(operations, operation{kind: opRename, field: f.Name, text: old})
			}
		}
	}
	return operations
}

// removeOldNames adds the operations that remove the old names of a field,
// before the first operation on the field. A patch that depends on the stored
// field takes its text from an old name.
func (ch *changes) removeOldNames(f *field, p *patch) {
	if len(f.Was) == 0 || slices.ContainsFunc(ch.operations, func(op operation) bool { return op.field == f.Name }) {
		return
	}
	for _, old := range f.Was {
		if p.dependsOnStored() {
			ch.add(operation{kind: opRename, field: f.Name, text: old})
		} else {
			ch.add(operation{kind: opClear, field: old})
		}
	}
}
