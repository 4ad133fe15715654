package hashrepo

import (
	"fmt"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/fields"
	"github.com/symphony-go/symphony/internal/store"
)

// errValueCount is the error of a reply to HMGET with too few or too many
// values.
var errValueCount = fmt.Errorf("%w: the number of values differs from the number of fields", fault.ErrUnexpectedReply)

// decode decodes a reply to readCommand. It reports false if the reply has no
// field.
func (p *plan) decode(reply *rueidis.RedisMessage, at store.Place, into reflect.Value) (bool, error) {
	if p.readsAllFields() {
		texts, err := hgetallTexts(reply)
		if err != nil || len(texts) == 0 {
			return false, err
		}
		return true, p.decodeTexts(texts, at, into)
	}
	values, err := hmgetValues(reply, len(p.readNames))
	if err != nil {
		return false, err
	}
	return p.decodeValues(values, at, into)
}

// hmgetValues returns the values of a reply to HMGET with n fields.
func hmgetValues(reply *rueidis.RedisMessage, n int) ([]rueidis.RedisMessage, error) {
	if !store.TextsOrNils(*reply) {
		return nil, store.ErrShape
	}
	values, err := reply.ToArray()
	if err == nil && len(values) != n {
		err = errValueCount
	}
	return values, err
}

// hgetallTexts returns the texts of a reply to HGETALL, by stored name.
func hgetallTexts(reply *rueidis.RedisMessage) (map[string]string, error) {
	texts, err := reply.AsStrMap()
	if err != nil {
		return nil, fault.Translate(err)
	}
	for name, text := range texts {
		if name != "" && text != "" {
			continue
		}
		// AsStrMap returns "" for a number or an array.
		if !store.Pairs(*reply) {
			return nil, store.ErrShape
		}
		break
	}
	return texts, nil
}

// decodeValues decodes the values of a reply to HMGET. It reports false if no
// field is present.
func (p *plan) decodeValues(values []rueidis.RedisMessage, at store.Place, into reflect.Value) (bool, error) {
	found := false
	for i := range p.fields {
		f := &p.fields[i]
		value := f.valueAmong(values)
		if value.IsNil() {
			continue
		}
		text, err := value.ToString()
		if err != nil {
			return false, err
		}
		found = true
		if text, err = f.open(text, at); err != nil {
			return false, &fieldError{f.Name, err}
		}
		if err := f.Decode(text, f.valueIn(into)); err != nil {
			return false, &fieldError{f.Name, err}
		}
	}
	return found, nil
}

// decodeTexts decodes the texts of a record, by stored name. It consumes the
// map.
func (p *plan) decodeTexts(texts map[string]string, at store.Place, into reflect.Value) error {
	delete(texts, reservedField)
	if p.elemType != nil {
		return p.decodeMap(texts, at, into)
	}
	for i := range p.fields {
		f := &p.fields[i]
		text, ok := f.takeText(texts)
		if !ok {
			continue
		}
		text, err := f.open(text, at)
		if err == nil {
			err = f.Decode(text, f.valueIn(into))
		}
		if err != nil {
			return &fieldError{f.Name, err}
		}
	}
	if len(texts) > 0 && p.extra != nil {
		if err := p.openExtra(texts, at); err != nil {
			return err
		}
		p.extra.Settable(into).Set(reflect.ValueOf(texts))
	}
	return nil
}

// openExtra opens the texts of the fields that T does not declare.
func (p *plan) openExtra(texts map[string]string, at store.Place) error {
	if !p.sealsOthers() {
		return nil
	}
	for name, text := range texts {
		f := field{Field: fields.Field{Name: name, Type: reflect.TypeFor[string]()}, sealed: true}
		opened, err := f.open(text, at)
		if err != nil {
			return &fieldError{name, err}
		}
		texts[name] = opened
	}
	return nil
}

func (p *plan) decodeMap(texts map[string]string, at store.Place, into reflect.Value) error {
	m := reflect.MakeMapWithSize(p.typ, len(texts))
	for name, text := range texts {
		value := reflect.New(p.typ.Elem()).Elem()
		f := field{Field: fields.Field{Name: name, Type: p.typ.Elem()}, sealed: p.sealed}
		text, err := f.open(text, at)
		if err == nil {
			err = p.elemType.Decode(text, value)
		}
		if err != nil {
			return &fieldError{name, err}
		}
		m.SetMapIndex(reflect.ValueOf(name).Convert(p.typ.Key()), value)
	}
	into.Set(m)
	return nil
}

// texts returns the texts of a reply to readCommand by stored name, which may
// be an old name.
func (p *plan) texts(reply *rueidis.RedisMessage) (map[string]string, error) {
	if p.readsAllFields() {
		return hgetallTexts(reply)
	}
	values, err := hmgetValues(reply, len(p.readNames))
	if err != nil {
		return nil, err
	}
	texts := make(map[string]string, len(values))
	for i := range values {
		if values[i].IsNil() {
			continue
		}
		if texts[p.readNames[i]], err = values[i].ToString(); err != nil {
			return nil, err
		}
	}
	return texts, nil
}
