package hashrepo

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
)

// encodedRecord is a record as Redis commands take it. The function that makes
// one releases it when the commands are built.
type encodedRecord struct {
	pairs   []string // name, text, name, text ... of the present fields
	absent  []string // names of the fields to remove
	bodies  []string // of the items in the indexes of the record type
	version int64    // the version of the value, which is not among pairs

	// buffer holds the texts that are not strings of the value, one after the
	// other. All of them become parts of one string.
	buffer   []byte
	buffered []bufferedText
}

// bufferedText is a text in the buffer of an encodedRecord.
type bufferedText struct {
	pair int // the text's index in pairs
	end  int // the end of the text in buffer
}

var encodedRecords = sync.Pool{New: func() any { return new(encodedRecord) }}

func (e *encodedRecord) release() {
	clear(e.pairs)
	clear(e.bodies)
	e.pairs, e.absent, e.bodies = e.pairs[:0], e.absent[:0], e.bodies[:0]
	e.buffer, e.buffered = e.buffer[:0], e.buffered[:0]
	encodedRecords.Put(e)
}

// mostSetFields is the number of fields that set.lua can set. It passes all of
// them to one command.
const mostSetFields = 1000

// onlySets reports whether set.lua can write the record: it has fields, and
// none is removed.
func (e *encodedRecord) onlySets() bool {
	return len(e.absent) == 0 && len(e.pairs) > 0 && len(e.pairs) <= 2*mostSetFields
}

// The largest records that set.lua writes in less time than a transaction,
// which copies no text.
const (
	smallFields = 16
	smallBytes  = 1 << 10
)

// isSmall reports whether set.lua takes less of the server's time than a
// transaction.
func (e *encodedRecord) isSmall() bool {
	if len(e.pairs) > 2*smallFields {
		return false
	}
	size := 0
	for _, text := range e.pairs {
		size += len(text)
	}
	return size <= smallBytes
}

func (e *encodedRecord) addText(name, text string) { e.pairs = append(e.pairs, name, text) }

// addValue encodes a value and adds it.
func (e *encodedRecord) addValue(name string, t *codec.Type, v reflect.Value) (err error) {
	if text, ok := t.Verbatim(v); ok {
		e.addText(name, text)
		return nil
	}
	if e.buffer, err = t.Append(e.buffer, v); err != nil {
		return &fieldError{name, err}
	}
	e.buffered = append(e.buffered, bufferedText{len(e.pairs) + 1, len(e.buffer)})
	e.addText(name, "")
	return nil
}

// encode encodes a record. Its errors name the field.
func (p *plan) encode(v reflect.Value) (*encodedRecord, error) {
	e := encodedRecords.Get().(*encodedRecord)
	e.version = p.versionOf(v)
	var err error
	if p.elemType != nil {
		err = p.encodeMap(v, e)
	} else {
		err = p.encodeStruct(v, e)
	}
	if err != nil {
		e.release()
		return nil, err
	}
	texts, start := string(e.buffer), 0
	for _, b := range e.buffered {
		e.pairs[b.pair], start = texts[start:b.end], b.end
	}
	if e.bodies, err = p.recordBodies(e.bodies, v, e.pairs); err != nil {
		e.release()
		return nil, err
	}
	return e, nil
}

func (p *plan) encodeStruct(v reflect.Value, e *encodedRecord) error {
	for i := range p.fields {
		f := &p.fields[i]
		if f.Version {
			continue
		}
		e.absent = append(e.absent, f.Was...)
		value, ok := f.presentValue(v)
		if !ok {
			e.absent = append(e.absent, f.Name)
			continue
		}
		if err := e.addValue(f.Name, f.Type, value); err != nil {
			return err
		}
	}
	if p.extra != nil {
		if extra, ok := p.extra.Value(v); ok {
			return p.encodeExtra(extra.Interface().(map[string]string), e)
		}
	}
	return nil
}

func (p *plan) encodeExtra(extra map[string]string, e *encodedRecord) error {
	for name, text := range extra {
		if _, declared := p.byName[name]; declared {
			return &fieldError{name, fmt.Errorf("%w: %s must not have the name of a field of %v; set that field", fault.ErrUnknownField, p.extra.GoName, p.typ)}
		}
		if i, renamed := p.byOldName[name]; renamed {
			return &fieldError{name, fmt.Errorf("%w: %s must not have the old name of a field of %v; set %s", fault.ErrUnknownField, p.extra.GoName, p.typ, p.names[i])}
		}
		if err := checkName(name); err != nil {
			return err
		}
		e.addText(name, text)
	}
	return nil
}

func (p *plan) encodeMap(v reflect.Value, e *encodedRecord) error {
	for it := v.MapRange(); it.Next(); {
		name, value := it.Key().String(), it.Value()
		if err := checkName(name); err != nil {
			return err
		}
		if p.elemType.Nilable() && isNil(value) {
			e.absent = append(e.absent, name)
			continue
		}
		if err := e.addValue(name, p.elemType, value); err != nil {
			return err
		}
	}
	return nil
}

// encodedField is a value of one field, encoded.
type encodedField struct {
	text  string
	isNil bool // there is no text
	// omitted reports whether a write clears the field, because of its
	// options. Another writer may store the text.
	omitted bool
}

// present reports whether a write stores the text.
func (e encodedField) present() bool { return !e.isNil && !e.omitted }

// encodeField encodes a caller's value for the field with a stored name.
func (c *core) encodeField(name string, value any) (encodedField, error) {
	f, err := c.plan.fieldNamed(name)
	if err != nil {
		return encodedField{}, err
	}
	if c.plan.hasOpenValues() {
		return c.encodeOpen(value)
	}
	v, err := convert(value, f.Field.Type)
	if err != nil {
		return encodedField{}, err
	}
	if f.Nilable() && isNil(v) {
		return encodedField{isNil: true}, nil
	}
	if text, ok := f.Verbatim(v); ok {
		return encodedField{text: text, omitted: f.omitted(v)}, nil
	}
	data, err := f.Append(nil, v)
	return encodedField{text: string(data), omitted: f.omitted(v)}, err
}

// encodeOpen encodes a caller's value as its own type.
func (c *core) encodeOpen(value any) (encodedField, error) {
	v := reflect.ValueOf(value)
	if !v.IsValid() {
		return encodedField{isNil: true}, nil
	}
	typ, err := c.plan.compileArgument(v.Type())
	if err != nil {
		return encodedField{}, err
	}
	if typ.Nilable() && isNil(v) {
		return encodedField{isNil: true}, nil
	}
	data, err := typ.Append(nil, v)
	return encodedField{text: string(data)}, err
}
