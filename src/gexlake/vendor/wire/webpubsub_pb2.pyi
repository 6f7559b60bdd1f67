from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MessageData(_message.Message):
    __slots__ = ("text_data", "binary_data", "protobuf_data")
    TEXT_DATA_FIELD_NUMBER: _ClassVar[int]
    BINARY_DATA_FIELD_NUMBER: _ClassVar[int]
    PROTOBUF_DATA_FIELD_NUMBER: _ClassVar[int]
    text_data: str
    binary_data: bytes
    protobuf_data: _any_pb2.Any
    def __init__(self, text_data: _Optional[str] = ..., binary_data: _Optional[bytes] = ..., protobuf_data: _Optional[_Union[_any_pb2.Any, _Mapping]] = ...) -> None: ...

class UpstreamMessage(_message.Message):
    __slots__ = ("join_group", "leave_group", "sequence_ack", "ping")
    class JoinGroup(_message.Message):
        __slots__ = ("group", "ack_id")
        GROUP_FIELD_NUMBER: _ClassVar[int]
        ACK_ID_FIELD_NUMBER: _ClassVar[int]
        group: str
        ack_id: int
        def __init__(self, group: _Optional[str] = ..., ack_id: _Optional[int] = ...) -> None: ...
    class LeaveGroup(_message.Message):
        __slots__ = ("group", "ack_id")
        GROUP_FIELD_NUMBER: _ClassVar[int]
        ACK_ID_FIELD_NUMBER: _ClassVar[int]
        group: str
        ack_id: int
        def __init__(self, group: _Optional[str] = ..., ack_id: _Optional[int] = ...) -> None: ...
    class SequenceAck(_message.Message):
        __slots__ = ("sequence_id",)
        SEQUENCE_ID_FIELD_NUMBER: _ClassVar[int]
        sequence_id: int
        def __init__(self, sequence_id: _Optional[int] = ...) -> None: ...
    class Ping(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    JOIN_GROUP_FIELD_NUMBER: _ClassVar[int]
    LEAVE_GROUP_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_ACK_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    join_group: UpstreamMessage.JoinGroup
    leave_group: UpstreamMessage.LeaveGroup
    sequence_ack: UpstreamMessage.SequenceAck
    ping: UpstreamMessage.Ping
    def __init__(self, join_group: _Optional[_Union[UpstreamMessage.JoinGroup, _Mapping]] = ..., leave_group: _Optional[_Union[UpstreamMessage.LeaveGroup, _Mapping]] = ..., sequence_ack: _Optional[_Union[UpstreamMessage.SequenceAck, _Mapping]] = ..., ping: _Optional[_Union[UpstreamMessage.Ping, _Mapping]] = ...) -> None: ...

class DownstreamMessage(_message.Message):
    __slots__ = ("ack", "data", "system", "pong")
    class Ack(_message.Message):
        __slots__ = ("ack_id", "success", "error")
        class Error(_message.Message):
            __slots__ = ("name", "message")
            NAME_FIELD_NUMBER: _ClassVar[int]
            MESSAGE_FIELD_NUMBER: _ClassVar[int]
            name: str
            message: str
            def __init__(self, name: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
        ACK_ID_FIELD_NUMBER: _ClassVar[int]
        SUCCESS_FIELD_NUMBER: _ClassVar[int]
        ERROR_FIELD_NUMBER: _ClassVar[int]
        ack_id: int
        success: bool
        error: DownstreamMessage.Ack.Error
        def __init__(self, ack_id: _Optional[int] = ..., success: _Optional[bool] = ..., error: _Optional[_Union[DownstreamMessage.Ack.Error, _Mapping]] = ...) -> None: ...
    class Data(_message.Message):
        __slots__ = ("group", "data")
        FROM_FIELD_NUMBER: _ClassVar[int]
        GROUP_FIELD_NUMBER: _ClassVar[int]
        DATA_FIELD_NUMBER: _ClassVar[int]
        group: str
        data: MessageData
        def __init__(self, group: _Optional[str] = ..., data: _Optional[_Union[MessageData, _Mapping]] = ..., **kwargs) -> None: ...
    class System(_message.Message):
        __slots__ = ("connected", "disconnected")
        class Connected(_message.Message):
            __slots__ = ("connection_id", "user_id")
            CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
            USER_ID_FIELD_NUMBER: _ClassVar[int]
            connection_id: str
            user_id: str
            def __init__(self, connection_id: _Optional[str] = ..., user_id: _Optional[str] = ...) -> None: ...
        class Disconnected(_message.Message):
            __slots__ = ("reason",)
            REASON_FIELD_NUMBER: _ClassVar[int]
            reason: str
            def __init__(self, reason: _Optional[str] = ...) -> None: ...
        CONNECTED_FIELD_NUMBER: _ClassVar[int]
        DISCONNECTED_FIELD_NUMBER: _ClassVar[int]
        connected: DownstreamMessage.System.Connected
        disconnected: DownstreamMessage.System.Disconnected
        def __init__(self, connected: _Optional[_Union[DownstreamMessage.System.Connected, _Mapping]] = ..., disconnected: _Optional[_Union[DownstreamMessage.System.Disconnected, _Mapping]] = ...) -> None: ...
    class Pong(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    ACK_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    ack: DownstreamMessage.Ack
    data: DownstreamMessage.Data
    system: DownstreamMessage.System
    pong: DownstreamMessage.Pong
    def __init__(self, ack: _Optional[_Union[DownstreamMessage.Ack, _Mapping]] = ..., data: _Optional[_Union[DownstreamMessage.Data, _Mapping]] = ..., system: _Optional[_Union[DownstreamMessage.System, _Mapping]] = ..., pong: _Optional[_Union[DownstreamMessage.Pong, _Mapping]] = ...) -> None: ...
