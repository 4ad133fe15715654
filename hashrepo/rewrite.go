package hashrepo

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// rewrite is the patches of a field that update.lua cannot change, because it
// does not understand the field's encoding. The field is read and changed here.
// The script writes the result if the field still has the text that was read.
type rewrite struct {
	name     string
	field    *field // with the type that it is changed as
	steps    []rewriteStep
	kind     operationKind // of the operation that writes the field
	lifetime string        // of opSetFor, in milliseconds
}

// rewriteStep returns the text of a field after a patch. present is false if
// the field is absent.
type rewriteStep func(text string, present bool) (string, bool, error)

func newRewrite(name string, f *field) *rewrite {
	return &rewrite{name: name, field: f, kind: opReplace}
}

// addPatch adds a patch to the steps.
func (r *rewrite) addPatch(c *core, p *patch) error {
	switch p.kind {
	case patchAdd:
		r.steps = append(r.steps, r.changeValue(newAddition(r.field, p).addTo))
		return nil
	case patchAppend:
		elements, err := convertSlice(p.value, r.field.Field.Type)
		r.steps = append(r.steps, r.appendElements(elements))
		return err
	}
	text, present := "", false
	if p.kind != patchClear {
		encoded, err := c.encodeField(p.name, p.value)
		if err != nil {
			return err
		}
		text, present = encoded.text, encoded.present()
	}
	r.kind, r.lifetime = opSet, ""
	if p.kind == patchSetFor && present {
		r.kind, r.lifetime = opSetFor, duration.Milliseconds(p.lifetime)
	}
	r.steps = append(r.steps, func(string, bool) (string, bool, error) { return text, present, nil })
	return nil
}

// changeValue returns the step that decodes the field, changes the value and
// encodes it.
func (r *rewrite) changeValue(change func(reflect.Value) error) rewriteStep {
	return func(text string, present bool) (string, bool, error) {
		v := reflect.New(r.field.Field.Type).Elem()
		if present {
			if err := r.field.Decode(text, v); err != nil {
				return "", false, r.storedError(err)
			}
		}
		if err := change(v); err != nil {
			return "", false, err
		}
		data, err := r.field.Append(nil, v)
		return string(data), true, err
	}
}

// appendElements returns the step that appends elements. It appends to the
// encoded list if the codec can do that, and decodes the list otherwise.
func (r *rewrite) appendElements(elements reflect.Value) rewriteStep {
	decodeAndAppend := r.changeValue(func(v reflect.Value) error {
		v.Set(reflect.AppendSlice(v, elements))
		return nil
	})
	return func(text string, present bool) (string, bool, error) {
		if present {
			if extended, ok, err := r.field.Extend(text, elements); ok {
				return extended, true, r.storedError(err)
			}
		}
		return decodeAndAppend(text, present)
	}
}

// storedError returns the error of a stored text that cannot be decoded.
func (r *rewrite) storedError(err error) error {
	var decodeError *codec.DecodeError
	if errors.As(err, &decodeError) {
		return fmt.Errorf("%w: %w", fault.ErrFieldType, decodeError.In(r.name))
	}
	return err
}

// applyRewrites reads the fields from the primary and returns the operations
// that write the results.
func (c *core) applyRewrites(ctx context.Context, t fault.Target, rewrites []*rewrite) ([]operation, error) {
	names := make([]string, 0, len(rewrites))
	for _, r := range rewrites {
		names = r.field.appendNames(names)
	}
	stored, err := hmgetResultValues(c.OnPrimary().Client.Do(t.In(ctx), c.Client.B().Hmget().Key(t.Key).Field(names...).Build()), len(names))
	if err != nil {
		return nil, readOnly(t).Failed(err)
	}
	var operations []operation
	for _, r := range rewrites {
		n := 1 + len(r.field.Was)
		operations, err = r.apply(operations, names[:n], stored[:n], c.Place(t))
		if err == nil {
			err = c.checkFieldSize(len(operations[len(operations)-1].text))
		}
		if err != nil {
			return nil, notApplied(t.WithField(r.name), err)
		}
		names, stored = names[n:], stored[n:]
	}
	return operations, c.sealOperations(t, operations)
}

// apply applies the steps to a field, whose names and stored values are given.
// It appends the operations that require what was stored, and the operation
// that writes the result.
func (r *rewrite) apply(operations []operation, names []string, stored []rueidis.RedisMessage, at store.Place) ([]operation, error) {
	text, present := "", false
	for i, name := range names {
		required, err := requireValue(name, stored[i])
		if err != nil {
			return operations, err
		}
		operations = append(operations, required)
		if required.exists && name != r.name {
			operations = append(operations, operation{kind: opRename, field: r.name, text: name})
		}
		if required.exists && !present {
			text, present = required.text, true
		}
	}
	if present {
		var err error
		if text, err = r.field.open(text, at); err != nil {
			return operations, err
		}
	}
	for _, step := range r.steps {
		var err error
		if text, present, err = step(text, present); err != nil {
			return operations, err
		}
	}
	if !present {
		return append(operations, operation{kind: opClear, field: r.name}), nil
	}
	return append(operations, operation{kind: r.kind, field: r.name, typ: r.field.Field.Type, text: text, lifetime: r.lifetime}), nil
}

// requireValue returns the operation that requires the stored value of a field.
func requireValue(name string, stored rueidis.RedisMessage) (required operation, err error) {
	required = operation{kind: opRequireField, field: name, exists: !stored.IsNil()}
	if required.exists {
		required.text, err = stored.ToString()
	}
	return required, err
}
