package hashrepo

import (
	"errors"
	"fmt"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/fields"
	"github.com/symphony-go/symphony/internal/store"
)

// compileSealing sets which fields of a struct are sealed: those with the
// option sealed, or all of them if none has it. The version is never sealed,
// because scripts increment it.
func (p *plan) compileSealing(all []fields.Field) error {
	var errs []error
	for _, f := range all {
		if f.Sealed {
			p.tagged = true
		}
		switch {
		case f.Sealed && !p.sealed:
			errs = append(errs, fmt.Errorf("%s: the option sealed needs a codec that seals; pass the option Codec with codec.Sealed", f.GoName))
		case f.Sealed && f.Version:
			errs = append(errs, fmt.Errorf("%s: a version field cannot be sealed, because scripts increment it; remove the option sealed", f.GoName))
		case f.Sealed && f.Indexed:
			errs = append(errs, fmt.Errorf("%s: a sealed field cannot have an index, because two seals of one value differ; remove the option index or unique, or the option sealed", f.GoName))
		}
	}
	for _, f := range all {
		if p.sealed && !p.tagged && f.Indexed {
			errs = append(errs, fmt.Errorf("%s: codec.Sealed seals all fields, and a sealed field cannot have an index; "+
				"set the option sealed on those fields that are to be sealed, or remove the option index or unique", f.GoName))
		}
	}
	return errors.Join(errs...)
}

// sealsField reports whether the texts of a field of T are sealed.
func (p *plan) sealsField(f *fields.Field) bool {
	return p.sealed && !f.Version && (f.Sealed || !p.tagged)
}

// sealsOthers reports whether the texts of fields that T does not declare are
// sealed.
func (p *plan) sealsOthers() bool {
	return p.sealed && (!p.tagged || p.extra != nil && p.extra.Sealed)
}

// seals reports whether the texts of the field with a stored name are sealed.
func (p *plan) seals(name string) bool {
	if name == reservedField {
		return false
	}
	if i, ok := p.byName[name]; ok {
		return p.fields[i].sealed
	}
	return p.sealsOthers()
}

// open returns the text of a field of the record at a place, as the codec
// encoded it.
func (f *field) open(text string, at store.Place) (string, error) {
	if !f.sealed {
		return text, nil
	}
	opened, err := at.Open(text, f.Name, f.Was...)
	if err != nil {
		return "", &codec.DecodeError{Type: f.Field.Type, Err: err}
	}
	return opened, nil
}

// sealRecord seals the texts of an encoded record and checks their sizes.
func (c *core) sealRecord(t fault.Target, e *encodedRecord) error {
	at := c.Place(t)
	for i := 0; i < len(e.pairs); i += 2 {
		name := e.pairs[i]
		if !c.plan.seals(name) {
			continue
		}
		var err error
		if e.pairs[i+1], err = at.Seal(name, e.pairs[i+1]); err != nil {
			return notApplied(t.WithField(name), err)
		}
	}
	return c.checkSizes(t, e)
}

// sealOperations seals the texts that operations store.
func (c *core) sealOperations(t fault.Target, operations []operation) error {
	if !c.plan.sealed {
		return nil
	}
	at := c.Place(t)
	for i := range operations {
		op := &operations[i]
		if op.kind != opSet && op.kind != opSetFor && op.kind != opReplace || !c.plan.seals(op.field) {
			continue
		}
		var err error
		if op.text, err = at.Seal(op.field, op.text); err == nil {
			err = c.checkFieldSize(len(op.text))
		}
		if err != nil {
			return notApplied(t.WithField(op.field), err)
		}
	}
	return nil
}

// errSealedCondition is the error of a condition on a sealed field.
var errSealedCondition = fmt.Errorf("%w: the field is sealed, and two seals of one value differ, so it has neither conditions nor an order; "+
	"store a keyed hash of the value in a field that is not sealed, and search for that", fault.ErrUnsupported)
