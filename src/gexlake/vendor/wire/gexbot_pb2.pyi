from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Priors(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class Strike(_message.Message):
    __slots__ = ("strike", "gex_vol", "gex_oi", "priors")
    STRIKE_FIELD_NUMBER: _ClassVar[int]
    GEX_VOL_FIELD_NUMBER: _ClassVar[int]
    GEX_OI_FIELD_NUMBER: _ClassVar[int]
    PRIORS_FIELD_NUMBER: _ClassVar[int]
    strike: int
    gex_vol: int
    gex_oi: int
    priors: Priors
    def __init__(self, strike: _Optional[int] = ..., gex_vol: _Optional[int] = ..., gex_oi: _Optional[int] = ..., priors: _Optional[_Union[Priors, _Mapping]] = ...) -> None: ...

class Pair(_message.Message):
    __slots__ = ("strike", "change")
    STRIKE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    strike: int
    change: int
    def __init__(self, strike: _Optional[int] = ..., change: _Optional[int] = ...) -> None: ...

class MaxPriors(_message.Message):
    __slots__ = ("pairs",)
    PAIRS_FIELD_NUMBER: _ClassVar[int]
    pairs: _containers.RepeatedCompositeFieldContainer[Pair]
    def __init__(self, pairs: _Optional[_Iterable[_Union[Pair, _Mapping]]] = ...) -> None: ...

class Gex(_message.Message):
    __slots__ = ("timestamp", "ticker", "min_dte", "sec_min_dte", "spot", "zero_gamma", "major_pos_vol", "major_pos_oi", "major_neg_vol", "major_neg_oi", "strikes", "sum_gex_vol", "sum_gex_oi", "delta_risk_reversal", "max_priors")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    TICKER_FIELD_NUMBER: _ClassVar[int]
    MIN_DTE_FIELD_NUMBER: _ClassVar[int]
    SEC_MIN_DTE_FIELD_NUMBER: _ClassVar[int]
    SPOT_FIELD_NUMBER: _ClassVar[int]
    ZERO_GAMMA_FIELD_NUMBER: _ClassVar[int]
    MAJOR_POS_VOL_FIELD_NUMBER: _ClassVar[int]
    MAJOR_POS_OI_FIELD_NUMBER: _ClassVar[int]
    MAJOR_NEG_VOL_FIELD_NUMBER: _ClassVar[int]
    MAJOR_NEG_OI_FIELD_NUMBER: _ClassVar[int]
    STRIKES_FIELD_NUMBER: _ClassVar[int]
    SUM_GEX_VOL_FIELD_NUMBER: _ClassVar[int]
    SUM_GEX_OI_FIELD_NUMBER: _ClassVar[int]
    DELTA_RISK_REVERSAL_FIELD_NUMBER: _ClassVar[int]
    MAX_PRIORS_FIELD_NUMBER: _ClassVar[int]
    timestamp: int
    ticker: str
    min_dte: int
    sec_min_dte: int
    spot: int
    zero_gamma: int
    major_pos_vol: int
    major_pos_oi: int
    major_neg_vol: int
    major_neg_oi: int
    strikes: _containers.RepeatedCompositeFieldContainer[Strike]
    sum_gex_vol: int
    sum_gex_oi: int
    delta_risk_reversal: int
    max_priors: MaxPriors
    def __init__(self, timestamp: _Optional[int] = ..., ticker: _Optional[str] = ..., min_dte: _Optional[int] = ..., sec_min_dte: _Optional[int] = ..., spot: _Optional[int] = ..., zero_gamma: _Optional[int] = ..., major_pos_vol: _Optional[int] = ..., major_pos_oi: _Optional[int] = ..., major_neg_vol: _Optional[int] = ..., major_neg_oi: _Optional[int] = ..., strikes: _Optional[_Iterable[_Union[Strike, _Mapping]]] = ..., sum_gex_vol: _Optional[int] = ..., sum_gex_oi: _Optional[int] = ..., delta_risk_reversal: _Optional[int] = ..., max_priors: _Optional[_Union[MaxPriors, _Mapping]] = ...) -> None: ...

class Unknowns(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...

class MiniContract(_message.Message):
    __slots__ = ("strike", "call_ivol", "put_ivol", "value", "priors", "field_6", "field_7")
    STRIKE_FIELD_NUMBER: _ClassVar[int]
    CALL_IVOL_FIELD_NUMBER: _ClassVar[int]
    PUT_IVOL_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    PRIORS_FIELD_NUMBER: _ClassVar[int]
    FIELD_6_FIELD_NUMBER: _ClassVar[int]
    FIELD_7_FIELD_NUMBER: _ClassVar[int]
    strike: int
    call_ivol: int
    put_ivol: int
    value: int
    priors: _containers.RepeatedScalarFieldContainer[int]
    field_6: int
    field_7: Unknowns
    def __init__(self, strike: _Optional[int] = ..., call_ivol: _Optional[int] = ..., put_ivol: _Optional[int] = ..., value: _Optional[int] = ..., priors: _Optional[_Iterable[int]] = ..., field_6: _Optional[int] = ..., field_7: _Optional[_Union[Unknowns, _Mapping]] = ...) -> None: ...

class OptionProfile(_message.Message):
    __slots__ = ("timestamp", "ticker", "spot", "min_dte", "sec_min_dte", "major_positive", "major_negative", "major_long_gamma", "major_short_gamma", "mini_contracts")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    TICKER_FIELD_NUMBER: _ClassVar[int]
    SPOT_FIELD_NUMBER: _ClassVar[int]
    MIN_DTE_FIELD_NUMBER: _ClassVar[int]
    SEC_MIN_DTE_FIELD_NUMBER: _ClassVar[int]
    MAJOR_POSITIVE_FIELD_NUMBER: _ClassVar[int]
    MAJOR_NEGATIVE_FIELD_NUMBER: _ClassVar[int]
    MAJOR_LONG_GAMMA_FIELD_NUMBER: _ClassVar[int]
    MAJOR_SHORT_GAMMA_FIELD_NUMBER: _ClassVar[int]
    MINI_CONTRACTS_FIELD_NUMBER: _ClassVar[int]
    timestamp: int
    ticker: str
    spot: int
    min_dte: int
    sec_min_dte: int
    major_positive: int
    major_negative: int
    major_long_gamma: int
    major_short_gamma: int
    mini_contracts: _containers.RepeatedCompositeFieldContainer[MiniContract]
    def __init__(self, timestamp: _Optional[int] = ..., ticker: _Optional[str] = ..., spot: _Optional[int] = ..., min_dte: _Optional[int] = ..., sec_min_dte: _Optional[int] = ..., major_positive: _Optional[int] = ..., major_negative: _Optional[int] = ..., major_long_gamma: _Optional[int] = ..., major_short_gamma: _Optional[int] = ..., mini_contracts: _Optional[_Iterable[_Union[MiniContract, _Mapping]]] = ...) -> None: ...

class SpotPrice(_message.Message):
    __slots__ = ("timestamp", "ticker", "spot", "source_timestamp_ms")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    TICKER_FIELD_NUMBER: _ClassVar[int]
    SPOT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    timestamp: int
    ticker: str
    spot: int
    source_timestamp_ms: int
    def __init__(self, timestamp: _Optional[int] = ..., ticker: _Optional[str] = ..., spot: _Optional[int] = ..., source_timestamp_ms: _Optional[int] = ...) -> None: ...

class Orderflow(_message.Message):
    __slots__ = ("timestamp", "ticker", "spot", "z_mlgamma", "z_msgamma", "o_mlgamma", "o_msgamma", "zero_mcall", "zero_mput", "one_mcall", "one_mput", "zcvr", "ocvr", "zgr", "ogr", "zvanna", "ovanna", "zcharm", "ocharm", "agg_dex", "one_agg_dex", "agg_call_dex", "one_agg_call_dex", "agg_put_dex", "one_agg_put_dex", "net_dex", "one_net_dex", "net_call_dex", "one_net_call_dex", "net_put_dex", "one_net_put_dex", "dexoflow", "gexoflow", "cvroflow", "one_dexoflow", "one_gexoflow", "one_cvroflow")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    TICKER_FIELD_NUMBER: _ClassVar[int]
    SPOT_FIELD_NUMBER: _ClassVar[int]
    Z_MLGAMMA_FIELD_NUMBER: _ClassVar[int]
    Z_MSGAMMA_FIELD_NUMBER: _ClassVar[int]
    O_MLGAMMA_FIELD_NUMBER: _ClassVar[int]
    O_MSGAMMA_FIELD_NUMBER: _ClassVar[int]
    ZERO_MCALL_FIELD_NUMBER: _ClassVar[int]
    ZERO_MPUT_FIELD_NUMBER: _ClassVar[int]
    ONE_MCALL_FIELD_NUMBER: _ClassVar[int]
    ONE_MPUT_FIELD_NUMBER: _ClassVar[int]
    ZCVR_FIELD_NUMBER: _ClassVar[int]
    OCVR_FIELD_NUMBER: _ClassVar[int]
    ZGR_FIELD_NUMBER: _ClassVar[int]
    OGR_FIELD_NUMBER: _ClassVar[int]
    ZVANNA_FIELD_NUMBER: _ClassVar[int]
    OVANNA_FIELD_NUMBER: _ClassVar[int]
    ZCHARM_FIELD_NUMBER: _ClassVar[int]
    OCHARM_FIELD_NUMBER: _ClassVar[int]
    AGG_DEX_FIELD_NUMBER: _ClassVar[int]
    ONE_AGG_DEX_FIELD_NUMBER: _ClassVar[int]
    AGG_CALL_DEX_FIELD_NUMBER: _ClassVar[int]
    ONE_AGG_CALL_DEX_FIELD_NUMBER: _ClassVar[int]
    AGG_PUT_DEX_FIELD_NUMBER: _ClassVar[int]
    ONE_AGG_PUT_DEX_FIELD_NUMBER: _ClassVar[int]
    NET_DEX_FIELD_NUMBER: _ClassVar[int]
    ONE_NET_DEX_FIELD_NUMBER: _ClassVar[int]
    NET_CALL_DEX_FIELD_NUMBER: _ClassVar[int]
    ONE_NET_CALL_DEX_FIELD_NUMBER: _ClassVar[int]
    NET_PUT_DEX_FIELD_NUMBER: _ClassVar[int]
    ONE_NET_PUT_DEX_FIELD_NUMBER: _ClassVar[int]
    DEXOFLOW_FIELD_NUMBER: _ClassVar[int]
    GEXOFLOW_FIELD_NUMBER: _ClassVar[int]
    CVROFLOW_FIELD_NUMBER: _ClassVar[int]
    ONE_DEXOFLOW_FIELD_NUMBER: _ClassVar[int]
    ONE_GEXOFLOW_FIELD_NUMBER: _ClassVar[int]
    ONE_CVROFLOW_FIELD_NUMBER: _ClassVar[int]
    timestamp: int
    ticker: str
    spot: int
    z_mlgamma: int
    z_msgamma: int
    o_mlgamma: int
    o_msgamma: int
    zero_mcall: int
    zero_mput: int
    one_mcall: int
    one_mput: int
    zcvr: int
    ocvr: int
    zgr: int
    ogr: int
    zvanna: int
    ovanna: int
    zcharm: int
    ocharm: int
    agg_dex: int
    one_agg_dex: int
    agg_call_dex: int
    one_agg_call_dex: int
    agg_put_dex: int
    one_agg_put_dex: int
    net_dex: int
    one_net_dex: int
    net_call_dex: int
    one_net_call_dex: int
    net_put_dex: int
    one_net_put_dex: int
    dexoflow: int
    gexoflow: int
    cvroflow: int
    one_dexoflow: int
    one_gexoflow: int
    one_cvroflow: int
    def __init__(self, timestamp: _Optional[int] = ..., ticker: _Optional[str] = ..., spot: _Optional[int] = ..., z_mlgamma: _Optional[int] = ..., z_msgamma: _Optional[int] = ..., o_mlgamma: _Optional[int] = ..., o_msgamma: _Optional[int] = ..., zero_mcall: _Optional[int] = ..., zero_mput: _Optional[int] = ..., one_mcall: _Optional[int] = ..., one_mput: _Optional[int] = ..., zcvr: _Optional[int] = ..., ocvr: _Optional[int] = ..., zgr: _Optional[int] = ..., ogr: _Optional[int] = ..., zvanna: _Optional[int] = ..., ovanna: _Optional[int] = ..., zcharm: _Optional[int] = ..., ocharm: _Optional[int] = ..., agg_dex: _Optional[int] = ..., one_agg_dex: _Optional[int] = ..., agg_call_dex: _Optional[int] = ..., one_agg_call_dex: _Optional[int] = ..., agg_put_dex: _Optional[int] = ..., one_agg_put_dex: _Optional[int] = ..., net_dex: _Optional[int] = ..., one_net_dex: _Optional[int] = ..., net_call_dex: _Optional[int] = ..., one_net_call_dex: _Optional[int] = ..., net_put_dex: _Optional[int] = ..., one_net_put_dex: _Optional[int] = ..., dexoflow: _Optional[int] = ..., gexoflow: _Optional[int] = ..., cvroflow: _Optional[int] = ..., one_dexoflow: _Optional[int] = ..., one_gexoflow: _Optional[int] = ..., one_cvroflow: _Optional[int] = ...) -> None: ...
