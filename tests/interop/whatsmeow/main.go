// A whatsmeow client that a test drives: one JSON command a line on stdin, one JSON event a line
// on stdout.  whatsmeow itself is unmodified; it gets our address through a dialer and our root
// key through its exported variable.
//
//	whatsmeow-peer -addr 127.0.0.1:PORT -root HEX -db FILE [-cert PEM]
//
// Commands: connect | disconnect | code {phone} | send {to,text} | read {ids,from,to} | forget {user} | presence |
// image {to,data,text} | voice {to,data,seconds} | react {to,id,from,text} | edit {to,id,text} |
// revoke {to,id} | vote {id,options} | group {to}
//
// The certificate is the media host's.  Received media comes with its bytes (base64 in "data").
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"
)

type command struct {
	Do      string   `json:"do"`
	To      string   `json:"to"`
	From    string   `json:"from"`
	Text    string   `json:"text"`
	Phone   string   `json:"phone"`
	User    string   `json:"user"`
	ID      string   `json:"id"`
	IDs     []string `json:"ids"`
	Data    []byte   `json:"data"`
	Seconds uint32   `json:"seconds"`
	Options []string `json:"options"`
}

var out sync.Mutex

func emit(event string, fields map[string]any) {
	if fields == nil {
		fields = map[string]any{}
	}
	fields["event"] = event
	line, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	out.Lock()
	defer out.Unlock()
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		emit("fatal", map[string]any{"error": err.Error()})
		os.Exit(1)
	}
}

// The client dials wss://web.whatsapp.com; the transport answers with a plain connection to the sandbox.
func sandboxHTTP(addr string) *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DialTLSContext: dial}}
}

// The media host speaks TLS under the sandbox's own certificate.
func mediaHTTP(file string) *http.Client {
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(file)
	must(err)
	if !roots.AppendCertsFromPEM(pem) {
		must(fmt.Errorf("%s holds no certificate", file))
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// What others sent, by id: a vote needs the poll's place and sender.
type seen struct {
	sync.Mutex
	infos map[string]types.MessageInfo
}

func (s *seen) add(info types.MessageInfo) {
	s.Lock()
	defer s.Unlock()
	s.infos[info.ID] = info
}

func (s *seen) get(id string) (types.MessageInfo, error) {
	s.Lock()
	defer s.Unlock()
	info, ok := s.infos[id]
	if !ok {
		return info, fmt.Errorf("no message %q", id)
	}
	return info, nil
}

type peer struct {
	client *whatsmeow.Client
	db     *sql.DB
	seen   seen
}

// A message as the test looks at it: its kind, and what that kind holds.
func describe(m *waE2E.Message) map[string]any {
	switch {
	case m.GetImageMessage() != nil:
		return map[string]any{"kind": "image", "text": m.GetImageMessage().GetCaption(), "mimetype": m.GetImageMessage().GetMimetype()}
	case m.GetAudioMessage() != nil:
		a := m.GetAudioMessage()
		return map[string]any{"kind": "audio", "ptt": a.GetPTT(), "seconds": a.GetSeconds(), "mimetype": a.GetMimetype()}
	case m.GetReactionMessage() != nil:
		return map[string]any{"kind": "reaction", "text": m.GetReactionMessage().GetText(), "target": m.GetReactionMessage().GetKey().GetID()}
	case m.GetProtocolMessage().GetType() == waE2E.ProtocolMessage_REVOKE && m.GetProtocolMessage() != nil:
		return map[string]any{"kind": "revoke", "target": m.GetProtocolMessage().GetKey().GetID()}
	case m.GetProtocolMessage().GetType() == waE2E.ProtocolMessage_MESSAGE_EDIT:
		edited := m.GetProtocolMessage().GetEditedMessage()
		text := edited.GetConversation() + edited.GetExtendedTextMessage().GetText()
		return map[string]any{"kind": "edit", "text": text, "target": m.GetProtocolMessage().GetKey().GetID()}
	case m.GetPollCreationMessageV3() != nil:
		return map[string]any{"kind": "poll", "text": m.GetPollCreationMessageV3().GetName()}
	case m.GetPollCreationMessage() != nil:
		return map[string]any{"kind": "poll", "text": m.GetPollCreationMessage().GetName()}
	}
	return map[string]any{"kind": "text", "text": m.GetConversation() + m.GetExtendedTextMessage().GetText()}
}

func (p *peer) onMessage(e *events.Message) {
	p.seen.add(e.Info)
	fields := describe(e.Message)
	fields["id"] = e.Info.ID
	fields["from"] = e.Info.Sender.ToNonAD().String()
	fields["fromAlt"] = e.Info.SenderAlt.ToNonAD().String()
	fields["chat"] = e.Info.Chat.String()
	fields["fromMe"] = e.Info.IsFromMe
	if fields["kind"] != "image" && fields["kind"] != "audio" {
		emit("message", fields)
		return
	}
	go func() { // not in the handler: it holds up the connection
		data, err := p.client.DownloadAny(context.Background(), e.Message)
		if err != nil {
			fields["error"] = err.Error()
		}
		fields["data"] = data
		emit("message", fields)
	}()
}

func (p *peer) onEvent(raw any) {
	switch e := raw.(type) {
	case *events.PairSuccess:
		emit("paired", map[string]any{"jid": e.ID.String(), "lid": e.LID.String()})
	case *events.PairError:
		emit("pair_error", map[string]any{"error": e.Error.Error()})
	case *events.Connected:
		emit("connected", nil)
	case *events.Disconnected:
		emit("disconnected", nil)
	case *events.LoggedOut:
		emit("logged_out", map[string]any{"reason": e.Reason.String()})
	case *events.StreamReplaced:
		emit("replaced", nil)
	case *events.Message:
		p.onMessage(e)
	case *events.Receipt:
		emit("receipt", map[string]any{"type": string(e.Type), "ids": e.MessageIDs, "from": e.Sender.String()})
	case *events.UndecryptableMessage:
		emit("undecryptable", map[string]any{"id": e.Info.ID})
	}
}

// Sends to c.To and tells its id.
func (p *peer) send(ctx context.Context, c command, message *waE2E.Message) error {
	to, err := types.ParseJID(c.To)
	if err != nil {
		return err
	}
	answer, err := p.client.SendMessage(ctx, to, message)
	if err == nil {
		emit("sent", map[string]any{"id": answer.ID, "text": c.Text, "do": c.Do})
	}
	return err
}

func (p *peer) sendMedia(ctx context.Context, c command) error {
	kind := whatsmeow.MediaImage
	if c.Do == "voice" {
		kind = whatsmeow.MediaAudio
	}
	up, err := p.client.Upload(ctx, c.Data, kind)
	if err != nil {
		return err
	}
	if c.Do == "voice" {
		return p.send(ctx, c, &waE2E.Message{AudioMessage: &waE2E.AudioMessage{
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileEncSHA256: up.FileEncSHA256,
			FileSHA256: up.FileSHA256, FileLength: &up.FileLength, PTT: proto.Bool(true), Seconds: &c.Seconds,
			Mimetype: proto.String("audio/ogg; codecs=opus"), Waveform: make([]byte, 64)}})
	}
	return p.send(ctx, c, &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
		URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey, FileEncSHA256: up.FileEncSHA256,
		FileSHA256: up.FileSHA256, FileLength: &up.FileLength, Mimetype: proto.String("image/png"), Caption: &c.Text}})
}

// About a message: of c.From where that is given, else of ours.
func (p *peer) sendAbout(ctx context.Context, c command) error {
	chat, err := types.ParseJID(c.To)
	if err != nil {
		return err
	}
	author := types.EmptyJID
	if c.From != "" {
		if author, err = types.ParseJID(c.From); err != nil {
			return err
		}
	}
	switch c.Do {
	case "react":
		return p.send(ctx, c, p.client.BuildReaction(chat, author, c.ID, c.Text))
	case "edit":
		return p.send(ctx, c, p.client.BuildEdit(chat, c.ID, &waE2E.Message{Conversation: proto.String(c.Text)}))
	default:
		return p.send(ctx, c, p.client.BuildRevoke(chat, author, c.ID))
	}
}

func (p *peer) vote(ctx context.Context, c command) error {
	poll, err := p.seen.get(c.ID)
	if err != nil {
		return err
	}
	vote, err := p.client.BuildPollVote(ctx, &poll, c.Options)
	if err != nil {
		return err
	}
	c.To = poll.Chat.String()
	return p.send(ctx, c, vote)
}

func (p *peer) group(ctx context.Context, c command) error {
	jid, err := types.ParseJID(c.To)
	if err != nil {
		return err
	}
	info, err := p.client.GetGroupInfo(ctx, jid)
	if err == nil {
		emit("group", map[string]any{"jid": info.JID.String(), "name": info.Name, "members": len(info.Participants)})
	}
	return err
}

func (p *peer) onCommand(ctx context.Context, c command) error {
	client := p.client
	switch c.Do {
	case "connect":
		if client.Store.ID == nil {
			codes, err := client.GetQRChannel(ctx)
			if err != nil {
				return err
			}
			go func() {
				for item := range codes {
					emit("qr", map[string]any{"kind": item.Event, "code": item.Code})
				}
			}()
		}
		return client.Connect()
	case "disconnect":
		client.Disconnect()
		return nil
	case "code":
		code, err := client.PairPhone(ctx, c.Phone, false, whatsmeow.PairClientChrome, "Chrome (Linux)")
		if err == nil {
			emit("code", map[string]any{"code": code})
		}
		return err
	case "send":
		return p.send(ctx, c, &waE2E.Message{Conversation: proto.String(c.Text)})
	case "image", "voice":
		return p.sendMedia(ctx, c)
	case "react", "edit", "revoke":
		return p.sendAbout(ctx, c)
	case "vote":
		return p.vote(ctx, c)
	case "group":
		return p.group(ctx, c)
	case "read":
		from, err := types.ParseJID(c.From)
		if err != nil {
			return err
		}
		author := from // of a group or a story: the chat is from, the author to
		if c.To != "" {
			if author, err = types.ParseJID(c.To); err != nil {
				return err
			}
		}
		return client.MarkRead(ctx, c.IDs, time.Now(), from, author)
	case "presence":
		return client.SendPresence(ctx, types.PresenceAvailable)
	case "forget": // loses its sessions, as after a restored backup
		_, err := p.db.ExecContext(ctx, "DELETE FROM whatsmeow_sessions")
		return err
	}
	return fmt.Errorf("unknown command %q", c.Do)
}

func main() {
	addr := flag.String("addr", "", "host:port of the sandbox")
	root := flag.String("root", "", "its Noise root key, hex")
	file := flag.String("db", "", "session database")
	cert := flag.String("cert", "", "certificate of the media host, a file")
	flag.Parse()

	key, err := hex.DecodeString(*root)
	must(err)
	copy(whatsmeow.WACertPubKey[:], key)
	ctx := context.Background()
	db, err := sql.Open("sqlite3", "file:"+*file+"?_foreign_keys=on&_busy_timeout=5000")
	must(err)
	db.SetMaxOpenConns(1)
	container := sqlstore.NewWithDB(db, "sqlite3", waLog.Noop)
	must(container.Upgrade(ctx))
	device, err := container.GetFirstDevice(ctx)
	must(err)
	if device.PushName == "" {
		device.PushName = "whatsmeow peer"
	}
	var log waLog.Logger = waLog.Noop
	if os.Getenv("PEER_DEBUG") != "" {
		log = waLog.Stdout("wm", "DEBUG", false)
	}
	client := whatsmeow.NewClient(device, log)
	client.SetWebsocketHTTPClient(sandboxHTTP(*addr))
	client.SetPreLoginHTTPClient(sandboxHTTP(*addr))
	if *cert != "" {
		client.SetMediaHTTPClient(mediaHTTP(*cert))
	}
	p := &peer{client: client, db: db, seen: seen{infos: map[string]types.MessageInfo{}}}
	client.AddEventHandler(p.onEvent)

	emit("started", nil)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<24)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			emit("error", map[string]any{"do": "parse", "error": err.Error()})
			continue
		}
		go func() {
			if err := p.onCommand(ctx, c); err != nil {
				emit("error", map[string]any{"do": c.Do, "error": err.Error()})
			}
		}()
	}
	client.Disconnect()
}
